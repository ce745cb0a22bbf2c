"""Signed counts tell which containers shared the data; a mark tells that the data is in the volume."""

import hashlib

from grader.check import Evidence, Feedback, check, network_borrowers, started, still_there

_RUNS = 3
_FIELDS = 3


def _last(evidence: Evidence) -> str:
    """Return the id of the container that was left running, which the probe says first."""
    return evidence.probe("kept").stdout.partition("\n")[0]


def _counted(evidence: Evidence) -> list[str]:
    """Return the containers that counted, in their order, as far as the counts are signed and in a row."""
    containers: list[str] = []
    for line in evidence.probe("kept").stdout.splitlines()[1:]:
        words = line.split()
        signed = f"{evidence.parameters['secret']} {' '.join(words[:2])}\n"
        signature = hashlib.sha256(signed.encode()).hexdigest()[:16]
        if len(words) == _FIELDS and words[1:] == [str(len(containers) + 1), signature]:
            containers.append(words[0])
    return containers


def _mounted(evidence: Evidence) -> set[str]:
    """Return the containers that the engine gave the volume as /data."""
    return {
        event.attributes.get("container", "")
        for event in evidence.events
        if (event.kind, event.action, event.id) == ("volume", "mount", str(evidence.parameters["volume"]))
        and event.attributes.get("destination") == "/data"
    }


@check("Three containers have counted together", points=3)
def counted(evidence: Evidence) -> Feedback | None:
    counted = _counted(evidence)
    borrowers = network_borrowers(evidence)
    signers = {one for one in started(evidence) if one[:12] in counted} | borrowers
    last = _last(evidence)
    if len(counted) == _RUNS <= len(signers) and (last[:12] == counted[-1] or last in borrowers):
        return None
    probe = evidence.probe("kept")
    return Feedback(
        "not-counted",
        f"{evidence.parameters['name']} does not hold the count of three runs in three containers, "
        "of which it is the third.",
        expected="counts 1, 2 and 3, each signed in another container that ran",
        actual=probe.stdout.strip()[:300] or probe.stderr.strip()[:300] or probe.error or "no count",
        why="A container that starts anew begins with its image's files, unless it is given what stays.",
    )


@check("The count is in the volume", points=2, after=("counted",))
def kept(evidence: Evidence) -> Feedback | None:
    # The script ends well only where it has found its own mark in the volume.
    if evidence.probe("kept").exit_code == 0 and len(_mounted(evidence)) >= _RUNS:
        return None
    names = ", ".join(str(volume.get("Name")) for volume in evidence.engine.volumes)
    return Feedback(
        "not-in-volume",
        "Not all three containers had the volume as /data, or what is in it went with the last of them.",
        expected=f"a volume {evidence.parameters['volume']} with the count, used by three containers",
        actual=f"volumes: {names or 'none'}; it was used by {len(_mounted(evidence))} containers",
        why="A volume is found by its name: by the next container, and by whoever makes the backup.",
    )


@check("The two containers that came first are gone", points=1, after=("counted",))
def tidy(evidence: Evidence) -> Feedback | None:
    left = still_there(evidence, str(evidence.parameters["image"]))
    if not left:
        return None
    return Feedback(
        "containers-left",
        "A container that counted is still there.",
        expected=f"only {evidence.parameters['name']}",
        actual=", ".join(left),
        why="Nothing of value is in them: that is what the volume is for.",
    )
