"""Captures what a real engine says, as fixtures: `make_archives.py SOCKET DIRECTORY [BUILDX]`.

Needs gcc, the docker command and an engine of the version in question, listening on SOCKET, with nothing
in it. Without BUILDX (the plugin's path) images are built by the classic builder, as engine 20.10 does.
tests/observe/data/README.md says how the fixtures that are there were made.
"""

import contextlib
import gzip
import http.client
import io
import json
import os
import re
import socket
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from pathlib import Path

ACT = r"""
/* A tool small enough to be a base image: act VERB ARGUMENT… [, VERB ARGUMENT…]…, without a C library. */
static long call(long n, long a, long b, long c, long d, long e) {
    long result;
    register long r10 asm("r10") = d, r8 asm("r8") = e, r9 asm("r9") = 0;
    asm volatile("syscall" : "=a"(result) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                 : "rcx", "r11", "memory");
    return result;
}
static int length(const char *s) { int n = 0; while (s[n]) n++; return n; }
static void check(long result, char *what) {
    if (result < 0) { call(1, 2, (long)what, length(what), 0, 0); call(231, 9, 0, 0, 0, 0); }
}
void run(long *stack) {
    long count = *stack, at = 1;
    char **word = (char **)(stack + 1);
    while (at + 1 < count) {
        char *verb = word[at], *a = word[at + 1], *b = at + 2 < count ? word[at + 2] : "";
        int number = 0;
        for (char *digit = a; *digit >= '0' && *digit <= '9'; digit++) number = number * 10 + *digit - '0';
        at += 2;
        if (*verb == 'w') {                                  /* write FILE TEXT */
            long file = call(2, (long)a, 01101, 0644, 0, 0);
            check(file, a);
            check(call(1, file, (long)b, length(b), 0, 0), a);
            call(3, file, 0, 0, 0, 0);
            at++;
        }
        else if (*verb == 'd') check(call(87, (long)a, 0, 0, 0, 0), a);                   /* delete FILE */
        else if (*verb == 'r') check(call(84, (long)a, 0, 0, 0, 0), a);                   /* rmdir DIR */
        else if (*verb == 'm') check(call(83, (long)a, 0755, 0, 0, 0), a);                /* mkdir DIR */
        else if (*verb == 'p') check(call(133, (long)a, 010644, 0, 0, 0), a);             /* pipe FILE */
        else if (*verb == 's') { check(call(88, (long)a, (long)b, 0, 0, 0), b); at++; } /* symlink TO NAME */
        else if (*verb == 'h') { check(call(86, (long)a, (long)b, 0, 0, 0), b); at++; } /* hardlink TO NAME */
        else if (*verb == 'o') { check(call(92, (long)a, 1, 2, 0, 0), a); }               /* own FILE (1:2) */
        else if (*verb == 't') {                                                          /* tell TEXT */
            call(1, 1, (long)a, length(a), 0, 0);
            call(1, 1, (long)"\n", 1, 0, 0);
        }
        else if (*verb == 'n') {                                                          /* nap SECONDS */
            long span[2] = {number, 0};
            call(35, (long)span, 0, 0, 0, 0);
        }
        else if (*verb == 'e') {                                                          /* eat MEGABYTES */
            long size = (long)number << 20;
            char *start = (char *)call(9, 0, size, 3, 0x22, -1);
            for (long i = 0; i < size; i += 4096) start[i] = 1;
        }
        else if (*verb == 'x') call(231, number, 0, 0, 0, 0);                             /* xit CODE */
    }
    call(231, 0, 0, 0, 0, 0);
}
asm(".globl _start\n_start: mov %rsp, %rdi\n and $-16, %rsp\n call run");
"""

DOCKERFILE = """\
FROM tiny:1 AS build
RUN ["/act", "write", "/secret", "searched-secret"]
FROM tiny:1
COPY --from=build /secret /opt/secret
RUN ["/act", "mkdir", "/opt/a", "write", "/opt/a/one", "1", "write", "/opt/a/two", "22", "symlink", "/opt/a", "/link"]
RUN ["/act", "delete", "/opt/a/one", "hardlink", "/opt/a/two", "/opt/hard", "pipe", "/fifo", "tell", "hello"]
RUN ["/act", "delete", "/opt/a/two", "rmdir", "/opt/a", "mkdir", "/opt/a", "write", "/opt/a/three", "333"]
RUN ["/act", "own", "/opt/secret", "delete", "/tree/b/c", "rmdir", "/tree/b"]
HEALTHCHECK --interval=1h CMD ["/act", "tell", "well"]
EXPOSE 80 53/udp
VOLUME /data
ENV A=1 B="two words"
LABEL org.example.x=y
USER 1000:1000
WORKDIR /srv
STOPSIGNAL SIGINT
ENTRYPOINT ["/act"]
CMD ["nap", "60"]
"""  # noqa: E501

BUILDS = {
    "ok": DOCKERFILE,
    "failed": 'FROM tiny:1\nRUN ["/act", "tell", "before", "xit", "3"]\nRUN ["/act", "tell", "after"]\n',
    "syntax": "FROM tiny:1\nRUM echo\n",
    "missing": "FROM nosuch:1\nRUN true\n",
    "nocopy": "FROM tiny:1\nCOPY absent /\n",
    "warned": 'from tiny:1\nMAINTAINER me\nRUN ["/act", "tell", "\\u001b[1mbold"]\n',
}


class Engine(http.client.HTTPConnection):
    """The engine's API over its socket."""

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.host)

    def get(self, path: str):
        self.request("GET", path, headers={"Host": "engine"})
        return json.loads(self.getresponse().read())


def base_archive() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        source, tool = Path(folder, "act.c"), Path(folder, "act")
        source.write_text(ACT)
        flags = [
            "-Os",
            "-static",
            "-nostdlib",
            "-ffreestanding",
            "-fno-stack-protector",
            "-fno-asynchronous-unwind-tables",
        ]
        subprocess.run(
            ["gcc", *flags, "-s", "-Wl,-z,noseparate-code", "-Wl,--build-id=none", "-o", tool, source],
            check=True,
        )
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            for name, kind, text in [
                ("act", tarfile.REGTYPE, tool.read_bytes()),
                *((path, tarfile.DIRTYPE, b"") for path in ("opt", "tree", "tree/b")),
                ("tree/b/c", tarfile.REGTYPE, b"deep"),
            ]:
                entry = tarfile.TarInfo(name)
                entry.type, entry.size, entry.mode = kind, len(text), 0o755
                archive.addfile(entry, io.BytesIO(text))
        return packed.getvalue()


def main(address: str, target: str, buildx: str | None = None) -> None:
    into = Path(target)
    into.mkdir(parents=True, exist_ok=True)
    environment = os.environ | {
        "DOCKER_HOST": f"unix://{address}",
        "DOCKER_BUILDKIT": "0",
        "BUILDX_NO_DEFAULT_ATTESTATIONS": "1",
    }

    def docker(*words: str, **options) -> subprocess.CompletedProcess:
        return subprocess.run(
            ["docker", *words], env=environment, check=options.pop("check", True), **options
        )

    def build(name: str, tag: str, text: str) -> None:
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "Dockerfile").write_text(text)
            if not buildx:
                docker("build", "--network=none", "-t", tag, folder, check=False)
                return
            command = [
                buildx,
                "build",
                "--network=none",
                "--progress=rawjson",
                "--provenance=false",
                "-t",
                tag,
            ]
            command += ["--metadata-file", f"{folder}/meta", folder]
            built = subprocess.run(command, env=environment, capture_output=True)
            said = re.sub(rb"[0-9.]+:53\b", b"192.0.2.53:53", built.stderr)  # this machine's name server
            (into / f"build-{name}.json.gz").write_bytes(gzip.compress(said, mtime=0))
            with contextlib.suppress(FileNotFoundError):
                (into / f"build-{name}.meta.json").write_bytes(Path(folder, "meta").read_bytes())

    docker("import", "-", "tiny:1", input=base_archive())
    for name, text in BUILDS.items():
        build(name, "answer" if name == "ok" else name, text)
    build("cached", "second", f"{DOCKERFILE}ENV C=3\n")
    saved = docker("save", "answer", "second", capture_output=True).stdout
    (into / "saved.tar.gz").write_bytes(gzip.compress(saved, mtime=0))

    stream = Engine(address)
    stream.request("GET", f"/events?since={time.time():.9f}", headers={"Host": "engine"})
    events: list[bytes] = []
    reader = threading.Thread(
        target=lambda: events.extend(iter(stream.getresponse().readline, b"")), daemon=True
    )
    reader.start()
    plain = ["--network", "none", "--no-healthcheck"]
    docker("network", "create", "--internal", "lab", check=False)
    docker("volume", "create", "store")
    docker(
        "run",
        "-d",
        *plain,
        "--name",
        "web",
        "-l",
        "org.example.role=front",
        "-m",
        "64m",
        "-v",
        "store:/store",
        "answer",
    )
    docker("exec", "web", "/act", "tell", "a: b")
    docker("exec", "web", "/act", "xit", "4", check=False)
    docker("stop", "-t", "1", "web")
    docker("run", "--rm", *plain, "--name", "gone", "answer", "xit", "7", check=False)
    docker(
        "run",
        *plain,
        "--name",
        "hungry",
        "-m",
        "8m",
        "--memory-swap",
        "8m",
        "answer",
        "eat",
        "64",
        check=False,
    )
    docker("run", "-d", *plain, "--name", "busy", "-e", "MODE=x", "answer")
    docker("kill", "-s", "USR1", "busy")
    docker("run", "-d", *plain, "--name", "again", "--restart", "on-failure:2", "answer", "xit", "5")
    time.sleep(2)
    docker("run", "-d", *plain, "--name", "alive", "answer")
    time.sleep(0.5)
    api = Engine(address)
    summaries = api.get("/containers/json?all=1")
    images = api.get("/images/json")
    state = {
        "containers": summaries,
        "inspections": [api.get(f"/containers/{found['Id']}/json") for found in summaries],
        "images": images,
        "image_inspections": [api.get(f"/images/{found['Id']}/json") for found in images],
        "networks": api.get("/networks"),
        "volumes": api.get("/volumes"),
    }
    root = api.get("/info")["DockerRootDir"]
    text = json.dumps(state, indent=1).replace(root, "/var/lib/docker")
    text = text.replace(str(Path(root).parent / "exec"), "/var/run/docker")
    (into / "engine.json.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
    (into / "events.jsonl.gz").write_bytes(gzip.compress(b"".join(events), mtime=0))
    docker("rm", "-f", "web", "hungry", "busy", "again", "alive")
    docker("rmi", "-f", "answer", "second", "failed", "warned", "tiny:1", check=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
