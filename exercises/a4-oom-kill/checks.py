"""The kernel's log and the group's counter say who was killed; the exit status says who was not."""

from grader.check import Evidence, Feedback, check

_WHY_KILL = (
    "A process can end with status 137 for many reasons. Only the kernel knows "
    "whether it was short of memory."
)


@check("Exactly one process was killed for lack of memory", points=2)
def one_kill(evidence: Evidence) -> Feedback | None:
    counted = evidence.oom.counters.get("/", 0)
    recorded = len(evidence.oom.kills)
    if counted == 0 or recorded == 0:
        return Feedback(
            "no-kill",
            "The kernel killed nothing in your container.",
            expected="1 kill in the kernel's log and in the group's counter",
            actual=f"{recorded} in the log, {counted} in the counter",
            why=_WHY_KILL,
        )
    if counted > 1 or recorded > 1:
        return Feedback(
            "too-many-kills",
            "The kernel had to kill more than one process.",
            expected="1 kill",
            actual=f"{max(counted, recorded)} kills",
            why="Each kill is a piece of somebody's work that is lost: one greedy process should "
            "cost one process.",
        )
    return None


@check("The process that was killed has the name it should have", points=1, after=("one_kill",))
def victim(evidence: Evidence) -> Feedback | None:
    wanted = evidence.parameters["victim"]
    killed = evidence.oom.kills[0].comm.rstrip(
        "\n"
    )  # `echo NAME >/proc/self/comm` leaves its line break there
    if killed == wanted:
        return None
    return Feedback(
        "wrong-victim",
        "The kernel killed another process than the one it should.",
        expected=str(wanted),
        actual=killed,
        why="The kernel's log names its victim: that name is how you find out later which "
        "program was too greedy.",
    )


@check("The first process survives and ends with status 0", points=1, after=("one_kill",))
def survivor(evidence: Evidence) -> Feedback | None:
    run = evidence.run
    if run.ended == "exit" and run.exit_code == 0:
        return None
    ending = f"status {run.exit_code}" if run.ended == "exit" else f"ended by the grader: {run.ended}"
    return Feedback(
        "first-process-failed",
        "Your script did not survive its child, or reported a failure.",
        expected="status 0",
        actual=ending,
        why="When pid 1 ends, the kernel ends every other process of the container with it.",
    )
