"""Users come from the host, rights from what either user can do in a container."""

from grader.check import Evidence, Feedback, check, no_image

_CXRUN, _CXUSER = 601, 602
_COMMANDS = "env bash cat tail tee"  # that sudo is asked about


def _seen(evidence: Evidence) -> dict[str, str]:
    """Return what was found inside a container, by name."""
    lines = (line.partition("=") for line in evidence.probe("look").stdout.splitlines())
    return {name: value.strip() for name, _, value in lines}


def _wrong(wanted: dict[str, str], seen: dict[str, str]) -> str | None:
    return next((name for name, value in wanted.items() if seen.get(name, "") != value), None)


@check("There are both users, and the platform's is the default", points=1)
def users(evidence: Evidence) -> Feedback | None:
    build, seen, probe = evidence.build, _seen(evidence), evidence.probe("as-it-is")
    if not build.ok:
        return no_image(build)
    wanted = {"cxrun": f"{_CXRUN}:{_CXRUN}", "cxuser": f"{_CXUSER}:{_CXUSER}"}
    wrong = _wrong(wanted, seen)
    if wrong is not None:
        return Feedback(
            "wrong-users",
            f"The user {wrong} is missing, or has other numbers.",
            expected=wanted[wrong],
            actual=seen.get(wrong) or "no such user",
            why="Files on shared disks belong to numbers: these have to agree on all machines.",
        )
    found = {process.uid for process in probe.processes}
    if found == {_CXRUN}:
        return None
    return Feedback(
        "wrong-default-user",
        "A container that is told nothing runs as somebody else, as the host sees it.",
        expected=str(_CXRUN),
        actual=", ".join(map(str, sorted(found))) or probe.error or "no process",
        why="Whoever forgets `--user` should get the harmless user, not root.",
    )


@check("sudo leads from the platform's user to the student's and nowhere else", points=2, after=("users",))
def sudo_rule(evidence: Evidence) -> Feedback | None:
    seen = _seen(evidence)
    if seen.get("cxrun-as-cxuser") != _COMMANDS or seen.get("without-password", "0") in {"", "0"}:
        return Feedback(
            "no-rule",
            "sudo does not let cxrun run every command as cxuser without a password.",
            expected=f"a rule for cxrun, {_COMMANDS} among its commands",
            actual=seen.get("cxrun-as-cxuser", "") + " with a password"
            if seen.get("cxrun-as-cxuser") == _COMMANDS
            else seen.get("cxrun-as-cxuser") or "no such rule",
            why="The platform has nobody who could type a password.",
        )
    granted = [name for name in ("cxrun-as-root", "cxuser-as-others", "nobody-as-others") if seen.get(name)]
    if not granted:
        return None
    return Feedback(
        "too-much-granted",
        "sudo allows more than the one step.",
        expected="only cxrun as cxuser",
        actual=", ".join(granted),
        why="A rule `ALL` instead of `(cxuser)` makes every hole in a script a way to root.",
    )


@check("The script runs commands as the student's user", points=2, after=("users",))
def hands_over(evidence: Evidence) -> Feedback | None:
    probe, seconds = evidence.probe("handed-over"), str(evidence.parameters["seconds"])
    sleeping = [process for process in probe.processes if process.argv[-2:] == ("sleep", seconds)]
    handed = [process for process in sleeping if process.comm == "sleep" and process.uid == _CXUSER]
    # The grader starts the script as root, from where other programs would do; from cxrun only sudo does.
    if not handed or all(process.comm != "sudo" for process in probe.processes):
        return Feedback(
            "not-handed-over",
            "A command that `run.sh` started did not run as cxuser by sudo, as the host sees it.",
            expected=f"sudo, and sleep {seconds} with user id {_CXUSER}",
            actual=", ".join(f"{process.comm} with user id {process.uid}" for process in probe.processes)
            or (probe.error or (probe.stdout + probe.stderr).strip()[:200])
            or "no process",
            why="This one step separates the platform from what students wrote.",
        )
    seen = _seen(evidence)
    wanted = {"arguments": "2 two  words", "status": str(evidence.parameters["status"])}
    wrong = _wrong(wanted, seen)
    if wrong is None:
        return None
    return Feedback(
        "garbled",
        "`run.sh` does not pass on every argument as it is, or not the status in the end.",
        expected=wanted[wrong],
        actual=seen.get(wrong) or "nothing",
        why="A script in between should not be noticed by either side.",
    )


@check("The student's user cannot read what is hidden", points=1, after=("users",))
def hidden(evidence: Evidence) -> Feedback | None:
    seen, secret = _seen(evidence), str(evidence.parameters["secret"])
    if seen.get("read-by-cxrun") != secret:
        return Feedback(
            "hidden-unreadable",
            "cxrun cannot read the hidden file, or it holds something else.",
            expected=secret,
            actual=seen.get("read-by-cxrun") or "nothing",
            why="The platform's own scripts need it.",
        )
    if secret not in seen.get("read-by-cxuser", "") + seen.get("read-by-run", ""):
        return None
    return Feedback(
        "hidden-readable",
        "cxuser can read the hidden file.",
        expected="no permission",
        actual=secret,
        why="What students' programs can read, students can read.",
    )


@check("Helpers are read, and what they export arrives", points=2, after=("hands_over",))
def helpers(evidence: Evidence) -> Feedback | None:
    seen, parameters = _seen(evidence), evidence.parameters
    status = str(parameters["status"])
    wanted = {"fail-status": status, "fail-message": "some words", "nothing-status": status}
    wrong = _wrong(wanted, seen)
    if wrong is not None:
        return Feedback(
            "wrong-failure",
            "`cx_fail` does not end a script with its message and status, or is not called by `run.sh` "
            "without a command.",
            expected=wanted[wrong],
            actual=seen.get(wrong) or "nothing",
            why="All scripts of a platform should fail in the same way.",
        )
    wanted = {
        "variable": f"{parameters['variable']}={parameters['value']}",
        "added": "ADDED_BY=the-grader",
    }
    wrong = _wrong(wanted, seen)
    if wrong is None:
        return None
    return Feedback(
        "not-exported",
        "What a `*.start` file exports, by a function of a `*.func` file, does not get to the command.",
        expected=wanted[wrong],
        actual=seen.get(wrong) or "no such variable",
        why="Environments built on this base add helpers of their own: the base must not have to know them.",
    )


@check("The student's user cannot change scripts or helpers", points=1, after=("hands_over",))
def unchangeable(evidence: Evidence) -> Feedback | None:
    writable = _seen(evidence).get("writable-by-cxuser", "/cx")
    if not writable:
        return None
    return Feedback(
        "changeable",
        "cxuser may write where the platform's scripts lie.",
        expected="nothing writable",
        actual=writable,
        why="Whoever can write a helper runs as cxrun at the next start.",
    )
