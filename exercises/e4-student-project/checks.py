"""The test action meets students of every kind; the host says as whom their programs run."""

import re

from grader.check import Evidence, Feedback, check, no_image

_CXUSER = 602
_POINT = re.compile(r"(not )?ok\b(?: +(\d+))?")
_MARK = re.compile(r"^@@ ([a-z-]+)(?: (\d{1,9}))?$", re.MULTILINE)
_PLAN = re.compile(r"1\.\.(\d+)")
_LEAST = 3
_WRONG = ("wrong-for-zero", "wrong-for-negative", "wrong-for-large", "wrong-by-a-digit", "does-not-load")
_CHEATS = ("forged", "agreeable", "tampering")


def _acts(evidence: Evidence) -> dict[str, tuple[str, int, str]]:
    """Return standard output, status and errors of each action, by its name."""
    found: dict[str, tuple[str, int, str]] = {}
    name = output = ""
    _, *pieces = _MARK.split(evidence.probe("look").stdout)
    for word, number, body in zip(pieces[::3], pieces[1::3], pieces[2::3], strict=True):
        if number is None:
            name, output = word, body.strip()
        elif word == "status":
            found[name] = (output, int(number), body.strip())
        else:
            found[word] = ("", int(number), "")
    return found


def _results(report: str) -> list[bool] | str:
    """Read a TAP report: the results in order, or what is wrong with it."""
    results: list[bool] = []
    plan = None
    for number, line in enumerate(report.splitlines()):
        point, planned = _POINT.match(line), _PLAN.match(line)
        if planned and plan is None:
            plan = int(planned[1])
        elif point:
            results.append(not point[1])
            if point[2] is not None and int(point[2]) != len(results):
                return f"result {len(results)} has the number {point[2]}"
        elif line.strip() and not line.lstrip().startswith("#") and (number or not line.startswith("TAP ")):
            return f"a line that is no TAP: {line[:80]}"
    if plan is None:
        return "no plan"
    return results if plan == len(results) else f"a plan of {plan} and {len(results)} results"


def _passes(act: tuple[str, int, str]) -> bool:
    """Say whether anybody would take that run of the test action for a success."""
    results = _results(act[0])
    return act[1] == 0 or (not isinstance(results, str) and all(results))


def _shown(act: tuple[str, int, str]) -> str:
    return f"status {act[1]}: {(act[0] or act[2])[-300:] or 'nothing'}"


_NONE = ("", -1, "")


@check("The action run prints what the student's function returns", points=1)
def runs(evidence: Evidence) -> Feedback | None:
    build = evidence.build
    if not build.ok:
        return no_image(build)
    values = evidence.parameters
    wanted = int(values["factor"]) * int(values["number"]) ** 2 + int(values["summand"])
    act = _acts(evidence).get("run", _NONE)
    if act[0].split() == [str(wanted)] and act[1] == 0:
        return None
    return Feedback(
        "wrong-run",
        "`run.sh` does not print what a right program's function returns.",
        expected=str(wanted),
        actual=_shown(act),
        why="Students try their program before they have it tested.",
    )


@check("The student's program runs as the student's user", points=1, after=("runs",))
def as_student(evidence: Evidence) -> Feedback | None:
    probe = evidence.probe("running")
    uids = {process.uid for process in probe.processes if process.comm.startswith("python3")}
    # The grader starts actions as root, from where other programs would do; from cxrun only sudo does.
    if uids == {_CXUSER} and any(process.comm == "sudo" for process in probe.processes):
        return None
    return Feedback(
        "not-as-student",
        "While a student's function ran, its process did not run as cxuser by sudo, as the host sees it.",
        expected=f"sudo, and python3 with user id {_CXUSER} and no other",
        actual=", ".join(f"{process.comm} with user id {process.uid}" for process in probe.processes)
        or probe.error
        or "no process",
        why="Whatever runs as cxrun can read and change what is cxrun's.",
    )


@check("A right program passes all tests, in TAP", points=2, after=("runs",))
def right_passes(evidence: Evidence) -> Feedback | None:
    act = _acts(evidence).get("right", _NONE)
    results = _results(act[0])
    if isinstance(results, str) or len(results) < _LEAST:
        return Feedback(
            "no-tap",
            "What `test.sh` printed is no complete report in TAP.",
            expected=f"a plan and at least {_LEAST} results",
            actual=f"{results if isinstance(results, str) else f'{len(results)} results'}; {_shown(act)}",
            why="A report that programs read has to keep to its format, or it is not read at all.",
        )
    if all(results) and act[1] == 0:
        return None
    return Feedback(
        "right-fails",
        "A right program does not pass.",
        expected="only `ok`, status 0",
        actual=_shown(act),
        why="Nothing costs more trust than a test that is wrong itself.",
    )


@check("Wrong programs fail", points=2, after=("right_passes",))
def wrong_fails(evidence: Evidence) -> Feedback | None:
    acts = _acts(evidence)
    for name in _WRONG:
        act = acts.get(name, _NONE)
        results = _results(act[0])
        if not _passes(act) and not isinstance(results, str):
            continue
        return Feedback(
            "wrong-passes",
            f"The program {name} does not get a complete report with a `not ok` and a status that is not 0.",
            expected="at least one `not ok`, a status that is not 0",
            actual=f"{results}; {_shown(act)}" if isinstance(results, str) else _shown(act),
            why="Errors live at the edges: zero, negative and large numbers, programs that do not start.",
        )
    return None


@check("The solution stays hidden", points=2, after=("right_passes",))
def stays_hidden(evidence: Evidence) -> Feedback | None:
    acts, secret = _acts(evidence), str(evidence.parameters["secret"])
    if secret not in acts.get("solution", _NONE)[0]:
        return Feedback(
            "no-solution",
            "`/cx/project/solution.py` is missing, lacks the word, or cxrun cannot read it.",
            expected=secret,
            actual="no such word",
            why="Whoever maintains the task needs a solution that is known to be right.",
        )
    solved, parameters = acts.get("solved", _NONE), evidence.parameters
    right = int(parameters["factor"]) * int(parameters["number"]) ** 2 + int(parameters["summand"])
    if solved[0].split()[-1:] != [str(right)]:
        return Feedback(
            "wrong-solution",
            f"The `f` of your solution does not return what the task says for -{parameters['number']}.",
            expected=str(right),
            actual=_shown(solved),
            why="Whoever maintains the task needs a solution that is known to be right.",
        )
    nosy = acts.get("nosy", _NONE)
    if acts.get("readable", ("", 1, ""))[1] == 0 and not _passes(nosy) and secret not in nosy[0] + nosy[2]:
        return None
    return Feedback(
        "solution-reachable",
        "A student's program got hold of the solution.",
        expected="no permission",
        actual=_shown(nosy),
        why="What one student finds, all have an hour later.",
    )


@check("No program can talk its way through the tests", points=1, after=("right_passes",))
def not_fooled(evidence: Evidence) -> Feedback | None:
    acts = _acts(evidence)
    for name in _CHEATS:
        act = acts.get(name, _NONE)
        results = _results(act[0])
        if not _passes(act) and not isinstance(results, str):
            continue
        return Feedback(
            "fooled",
            f"A program that cheats ({name}) is not reported as failed, or its output got into the report.",
            expected="a complete report with `not ok`, a status that is not 0",
            actual=f"{results}; {_shown(act)}" if isinstance(results, str) else _shown(act),
            why="Results have to come from the test alone, never from what is tested.",
        )
    return None
