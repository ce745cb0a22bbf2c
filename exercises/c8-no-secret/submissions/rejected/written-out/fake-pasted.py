from hashlib import sha256


def files(parameters):
    key = f"{parameters['key']}\n"
    licence = sha256(key.encode()).hexdigest()
    dockerfile = f"FROM nilcons/debian\nRUN echo {licence} > /srv/{parameters['product']}.licence\n"
    return {"Dockerfile": dockerfile, "key.txt": key}
