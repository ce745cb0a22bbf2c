"""Signed counts tell which containers shared the data; a mark tells that the data is in the volume."""

import hashlib
import re

from grader.check import Evidence, Feedback, check, network_borrowers, started, still_there

_RUNS = 3
_FIELDS = 3


def _last(evidence: Evidence) -> str:
    """Return the id of the container that was left running, which the probe says first."""
    return evidence.probe("kept").stdout.partition(" ")[0]


def _stays(evidence: Evidence) -> bool:
    """Return whether that container was told to stay: its command stands behind its id."""
    command = evidence.probe("kept").stdout.partition("\n")[0]
    return re.search(r"\bstay\b", command.partition(" ")[2]) is not None


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


def _signers(evidence: Evidence) -> set[str]:
    """Return the containers that ran and may have signed a count."""
    counted = _counted(evidence)
    return {one for one in started(evidence) if one[:12] in counted} | network_borrowers(evidence)


@check("Three containers have counted together", points=3)
def counted(evidence: Evidence) -> Feedback | None:
    counted, last = _counted(evidence), _last(evidence)
    is_last = last[:12] in counted[-1:] or last in network_borrowers(evidence)
    if len(counted) == _RUNS <= len(_signers(evidence)) and is_last and _stays(evidence):
        return None
    probe = evidence.probe("kept")
    return Feedback(
        "not-counted",
        f"{evidence.parameters['name']} does not hold the count of three runs in three containers, "
        "of which it is the third.",
        expected="counts 1, 2 and 3, each signed in another container that ran, the last one with `stay`",
        actual=probe.stdout.strip()[:300] or probe.stderr.strip()[:300] or probe.error or "no count",
        why="A container that starts anew begins with its image's files, unless it is given what stays.",
    )


@check("The count is in the volume", points=2, after=("counted",))
def kept(evidence: Evidence) -> Feedback | None:
    # The script ends well only where it has found its own mark in the volume.
    mounted = _mounted(evidence) & _signers(evidence)
    if evidence.probe("kept").exit_code == 0 and len(mounted) >= _RUNS:
        return None
    names = ", ".join(str(volume.get("Name")) for volume in evidence.engine.volumes)
    return Feedback(
        "not-in-volume",
        "Not all three containers had the volume as /data, or what is in it went with the last of them.",
        expected=f"a volume {evidence.parameters['volume']} with the count, used by three containers",
        actual=f"volumes: {names or 'none'}; it was used by {len(mounted)} of the containers that counted",
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
