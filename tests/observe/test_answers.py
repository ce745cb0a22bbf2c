"""Answers from their files to their evidence, in real sandboxes and real engines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.errors import ExerciseError
from grader.evidence import Evidence, Image, from_json, to_json
from grader.exercise import load
from grader.image_files import deleted
from grader.model import Exercise, Submission
from grader.observe.observer import Observer
from grader.observe.patience import patient
from grader.progress import Said
from grader.sandbox import disk, kernel
from grader.settings import Settings

CHECKS = """
from grader.check import Evidence, Feedback, check

@check("Something")
def something(evidence: Evidence) -> Feedback | None:
    return None
"""

pytestmark = pytest.mark.sandbox


@pytest.fixture
def observer(settings: Settings) -> Iterator[Observer]:
    with Observer(Settings(state_dir=settings.state_dir, run_dir=settings.run_dir, engines=1)) as observer:
        yield observer


def exercise(folder: Path, described: str) -> Exercise:
    path = folder / "an-exercise"
    path.mkdir()
    (path / "exercise.toml").write_text(f'title = "One"\nsection = "A"\n{described}')
    (path / "README.md").write_text("# One\n")
    (path / "checks.py").write_text(CHECKS)
    return load(path)


def observe(observer: Observer, exercise: Exercise, **files: str) -> Evidence:
    """Observe an answer; a name's double underscore stands for its dot."""
    contents = {name.replace("__", "."): text.encode() for name, text in files.items()}
    evidence = observer.observe(exercise, Submission(exercise.slug, "ada", contents))
    assert from_json(to_json(evidence)) == evidence
    return evidence


SHELL = '[[files]]\nname = "answer.sh"\nkind = "shell"\n'
DOCKERFILE = '[[files]]\nname = "Dockerfile"\nkind = "dockerfile"\n'
COMPOSE = '[[files]]\nname = "compose.yaml"\nkind = "compose"\n'


def prepared(folder: Path, setup: str) -> Exercise:
    """Write an exercise of docker commands with a setup."""
    path = folder / "an-exercise"
    exercise(folder, f'profile = "docker"\n{SHELL}')
    described = (path / "exercise.toml").read_text()
    (path / "exercise.toml").write_text(f'setup = "setup.sh"\n{described}')
    (path / "setup.sh").write_text(setup)
    return load(path)


def test_a_plain_answer(observer: Observer, tmp_path: Path) -> None:
    """Output, status and control group of a script that is the first process."""
    found = observe(
        observer,
        exercise(tmp_path, f'profile = "plain"\n{SHELL}'),
        answer__sh="echo out; echo err >&2; exit 7",
    )
    assert (found.run.stdout, found.run.stderr, found.run.exit_code) == ("out\n", "err\n", 7)
    assert found.oom.kills == ()
    assert found.cgroups["/"].memory_limit == 64 << 20


def test_what_an_answer_leaves_running_is_seen(observer: Observer, tmp_path: Path) -> None:
    """The last look comes after the script has ended and before anything is killed."""
    one = exercise(tmp_path, f'profile = "namespaces"\n{SHELL}')
    found = observe(
        observer, one, answer__sh="unshare --uts bash -c 'hostname elsewhere; sleep 321' & sleep 0.1; exit 4"
    )
    assert found.run.exit_code == 4
    sleeper = next(process for process in found.processes.living() if process.argv == ("sleep", "321"))
    inode = sleeper.namespaces["uts"]
    assert inode != found.processes.sandbox["uts"]
    assert found.processes.hostnames[str(inode)] == "elsewhere"
    assert found.processes.hostnames[str(found.processes.sandbox["uts"])] == "sandbox"


def test_a_slow_machine_is_given_time(settings: Settings, tmp_path: Path) -> None:
    """As many times as much as the exercise says."""
    one = exercise(tmp_path, f'profile = "plain"\n{SHELL}[limits]\nwall_seconds = 0.5\n')
    for patience, ended in ((1.0, "deadline"), (20.0, "exit")):
        own = Settings(state_dir=settings.state_dir, run_dir=settings.run_dir, patience=patience)
        with Observer(own) as observer:
            assert observe(observer, one, answer__sh="sleep 1.5").run.ended == ended


def test_probes_are_given_time_on_a_slow_machine(tmp_path: Path) -> None:
    """Those that say how long they wait, and those that do not."""
    said = '[[probes]]\nname = "said"\naction = "script"\nscript = "true"\nwait_seconds = 2\n'
    usual = '[[probes]]\nname = "usual"\naction = "script"\nscript = "true"\n'
    one = exercise(tmp_path, f'profile = "docker"\n{SHELL}{said}{usual}')
    assert [probe.options["wait_seconds"] for probe in patient(one, 3).probes] == [6, 15]
    assert patient(one, 1) == one


def test_an_answer_that_waits_is_ended_once_it_has_settled(observer: Observer, tmp_path: Path) -> None:
    """A foreground sleep does not cost the whole wall time."""
    one = exercise(
        tmp_path, f'profile = "namespaces"\n{SHELL}[limits]\nwall_seconds = 30\nsettle_seconds = 0.5\n'
    )
    found = observe(observer, one, answer__sh="sleep 600")
    assert found.run.ended == "settled"
    assert found.run.exit_code is None
    assert found.run.wall_ms < 15_000


@pytest.mark.engine
@pytest.mark.slow
@pytest.mark.skipif(
    not kernel.keeps_user_attributes() and disk.unavailable() is not None,
    reason="tmpfs keeps no user.* attributes here, and there are no loop devices",
)
def test_layers_of_a_build(observer: Observer, tmp_path: Path) -> None:
    """What a Dockerfile adds and deletes shows layer by layer; directories of the base can be deleted."""
    one = exercise(
        tmp_path, f'profile = "docker"\n{DOCKERFILE}[watch]\nlayers = ["answer"]\nsearch = ["s3cret"]\n'
    )
    found = observe(
        observer,
        one,
        Dockerfile="FROM nilcons/debian\nRUN echo s3cret > /key && mkdir /d && echo x > /d/f\n"
        'RUN rm /key && rm -r /usr/share/bash-completion /d\nENTRYPOINT ["sleep"]\nCMD ["9"]\n',
    )
    assert found.build.ok, found.build.output
    image = found.engine.image("answer")
    assert image is not None
    added = [layer for layer in image.layers if not layer.base]
    assert [file.path for file in added[0].files if file.kind == "file"] == ["/d/f", "/key"]
    assert added[0].matches["s3cret"] == ("/key",)
    assert set(added[1].whiteouts) >= {"/key", "/d", "/usr/share/bash-completion"}
    assert deleted(image, "/usr/share/bash-completion")
    assert (image.config.entrypoint, image.config.cmd) == (("sleep",), ("9",))
    assert [step.empty for step in image.history][-2:] == [True, True]


@pytest.mark.engine
@pytest.mark.slow
def test_docker_commands_leave_events_and_state(observer: Observer, tmp_path: Path) -> None:
    """Events come in order with their times; processes of a container are found by the host."""
    probes = (
        '[[probes]]\nname = "inside"\naction = "exec"\ncontainer = "one"\ncommand = ["cat", "/etc/mark"]\n'
        "wait_seconds = 30\n"
        '[[probes]]\nname = "file"\naction = "read"\ncontainer = "two"\npath = "/etc/mark"\n'
        '[[probes]]\nname = "file-in-memory"\naction = "read"\ncontainer = "one"\npath = "/memory/mark"\n'
        '[[probes]]\nname = "no-file"\naction = "read"\ncontainer = "one"\npath = "/memory/none"\n'
        '[[probes]]\nname = "by-link"\naction = "read"\nimage = "marked"\npath = "/tmp/link"\n'
        '[[probes]]\nname = "in-circles"\naction = "read"\nimage = "marked"\npath = "/tmp/circle"\n'
        '[[probes]]\nname = "folder"\naction = "read"\nimage = "marked"\npath = "/tmp"\n'
        '[[probes]]\nname = "not-there"\naction = "read"\nimage = "marked"\npath = "/tmp/none"\n'
        '[[probes]]\nname = "stop"\naction = "stop"\ncontainer = "one"\ngrace_seconds = 1\n'
        '[[probes]]\nname = "none"\naction = "exec"\ncontainer = "three"\ncommand = ["true"]\n'
    )
    one = exercise(tmp_path, f'profile = "docker"\n{SHELL}{probes}')
    found = observe(
        observer,
        one,
        answer__sh="docker run -d --name one --tmpfs /memory busybox"
        " sh -c 'echo lost > /memory/mark; echo alive > /etc/mark; sleep 99'\n"
        "docker run --name two busybox"
        " sh -c 'echo gone > /etc/mark; ln -s ../etc/mark /tmp/link; ln -s circle /tmp/circle'\n"
        "docker commit two marked\n"
        "until docker exec one test -s /etc/mark; do sleep 0.1; done",
    )
    assert found.run.exit_code == 0, found.run.stderr
    actions = [event.action for event in found.events if event.kind == "container"]
    assert actions[:3] == ["create", "start", "create"] or actions[:2] == ["create", "start"], actions
    assert [event.at_ms for event in found.events] == sorted(event.at_ms for event in found.events)
    assert found.probe("inside").stdout == "alive\n"
    assert found.probe("file-in-memory").stdout == "lost\n"
    assert found.probe("no-file").error == "there is no /memory/none in one"
    assert found.probe("file").stdout == "gone\n"
    assert found.probe("by-link").stdout == "gone\n"
    assert "too many links" in found.probe("in-circles").error
    assert found.probe("folder").error == "/tmp is no file"
    assert found.probe("not-there").error == "there is no /tmp/none in marked"
    assert {container.name for container in found.engine.containers} == {"one", "two"}
    assert found.probe("stop").exit_code == 137  # a shell as process 1 ignores TERM
    assert found.probe("stop").wall_ms >= 900
    assert found.probe("none").exit_code != 0
    two = found.engine.container("two")
    assert two is not None
    assert (two.status, two.processes) == ("exited", ())


@pytest.mark.engine
@pytest.mark.slow
@pytest.mark.parametrize(
    "commands",
    [
        "docker run --rm --network none busybox true",
        "docker tag busybox mine:1",
        "docker rmi busybox",
        "docker save busybox >/work/saved; docker rmi busybox; docker load </work/saved",
        # A build changes images without an event; here it takes a name from one that came with the engine.
        r"printf 'FROM busybox\nENV A=1\n' | docker build --quiet --tag debian:trixie -",
    ],
)
def test_all_images_are_seen_whatever_changed_them(observer: Observer, tmp_path: Path, commands: str) -> None:
    """What is not asked anew is what an engine starts with, and nothing has changed that."""
    listing = "docker images --no-trunc --format '{{.Repository}}:{{.Tag}} {{.ID}}'"
    folder = exercise(tmp_path, f'profile = "docker"\n{SHELL}')
    found = observe(observer, folder, answer__sh=f"({commands}) >/dev/null\n{listing}\n")
    assert found.run.exit_code == 0, found.run.stderr
    said = {tuple(line.split()) for line in found.run.stdout.splitlines()}
    assert said == {(tag, image.id) for image in found.engine.images for tag in image.tags}


@pytest.mark.engine
@pytest.mark.slow
def test_a_build_adds_its_image_to_those_of_the_engine(observer: Observer, tmp_path: Path) -> None:
    """One that fails adds none."""
    folder = exercise(tmp_path, f'profile = "docker"\n{DOCKERFILE}')
    failed = observe(observer, folder, Dockerfile="FROM busybox\nRUN false\n")
    came = {tag for image in failed.engine.images for tag in image.tags}
    assert {"busybox:latest", "debian:trixie"} <= came
    built = observe(observer, folder, Dockerfile="FROM busybox\nENV A=1\n")
    assert {tag for image in built.engine.images for tag in image.tags} == came | {"answer:latest"}
    image = built.engine.image("answer")
    assert image is not None
    assert image.id == built.build.image
    assert image.config.env["A"] == "1"


@pytest.mark.engine
@pytest.mark.slow
def test_an_answer_that_spoils_its_engine_is_still_graded(observer: Observer, tmp_path: Path) -> None:
    """Killing dockerd ends the sandbox: that is the answer's doing, or ours to retry, but never a hang."""
    one = exercise(tmp_path, f'profile = "docker"\n{SHELL}[limits]\nwall_seconds = 5\n')
    found = observe(observer, one, answer__sh="rm -rf /run/docker.sock; mount -t tmpfs none /run; sleep 60")
    assert found.run.ended == "deadline"
    assert found.engine.containers == ()


@pytest.mark.engine
@pytest.mark.slow
def test_what_a_setup_says_is_out_of_an_answers_reach(observer: Observer, tmp_path: Path) -> None:
    """Also what it made is seen, which it made before anybody listened."""
    made = prepared(tmp_path, "docker tag busybox planted:1\ndocker images --quiet --no-trunc planted\n")
    found = observe(observer, made, answer__sh="docker rmi planted:1\n")
    assert found.setup.stdout.strip() == next(
        image.id for image in found.engine.images if "busybox:latest" in image.tags
    )
    assert found.engine.image("planted:1") is None
    assert observe(observer, made, answer__sh="true\n").engine.image("planted:1") is not None


@pytest.mark.engine
@pytest.mark.slow
def test_a_setup_that_fails_is_the_authors_fault(observer: Observer, tmp_path: Path) -> None:
    """The message names the exercise and what its script said."""
    one = prepared(tmp_path, "echo broken >&2; exit 3\n")
    with pytest.raises(ExerciseError, match=r"an-exercise.*3.*broken"):
        observe(observer, one, answer__sh=":")


@pytest.mark.engine
@pytest.mark.slow
def test_compose_services_reach_one_another_by_name(observer: Observer, tmp_path: Path) -> None:
    """A probe connects from inside a service's network, with that network's names."""
    probe = (
        '[[probes]]\nname = "by-name"\naction = "connect"\nsource = "app"\n'
        'host = "db"\nport = 5000\nreceive = true\n'
        '[[probes]]\nname = "by-its-file-of-hosts"\naction = "connect"\nsource = "app"\n'
        'host = "myself"\nport = 6000\nreceive = true\n'
        '[[probes]]\nname = "from-the-host"\naction = "connect"\nport = 5000\nwait_seconds = 0.3\n'
    )
    found = observe(
        observer,
        exercise(tmp_path, f'profile = "docker"\n{COMPOSE}{probe}'),
        compose__yaml="services:\n"
        '  app: {image: busybox, command: nc -ll -p 6000 -e echo me, extra_hosts: ["myself:127.0.0.1"]}\n'
        "  db: {image: busybox, command: nc -ll -p 5000 -e echo hello}\n",
    )
    assert found.run.exit_code == 0, found.run.stderr
    assert found.probe("by-name").stdout == "hello\n"
    assert found.probe("by-name").details["connected"] is True
    assert found.probe("by-its-file-of-hosts").stdout == "me\n"
    assert found.probe("from-the-host").details["connected"] is False


@pytest.mark.engine
@pytest.mark.slow
def test_a_server_that_is_late_behind_its_published_port_is_waited_for(
    observer: Observer, tmp_path: Path
) -> None:
    """The engine's proxy accepts connections from the start, and closes them while nobody listens."""
    probe = (
        '[[probes]]\nname = "late"\naction = "connect"\nport = 7000\nreceive = true\nwait_seconds = 15.0\n'
    )
    found = observe(
        observer,
        exercise(tmp_path, f'profile = "docker"\n{SHELL}{probe}'),
        answer__sh="docker run -d -p 7000:5000 busybox sh -c 'sleep 2; nc -ll -p 5000 -e echo hello'",
    )
    assert found.run.exit_code == 0, found.run.stderr
    assert found.probe("late").stdout == "hello\n"


@pytest.mark.engine
@pytest.mark.slow
def test_an_exercise_brings_an_image_of_its_own(observer: Observer, tmp_path: Path) -> None:
    """Its folder `image/` is built in the engine before the answer, which can build on it."""
    image = tmp_path / "an-exercise" / "image"
    exercise(tmp_path, f'profile = "docker"\n{DOCKERFILE}[watch]\nlayers = ["answer"]\n')
    (image / "etc").mkdir(parents=True)
    (image / "Dockerfile").write_text("FROM busybox\nCOPY etc/greeting /greeting\n")
    (image / "etc" / "greeting").write_text("hello\n")
    found = observe(observer, load(image.parent), Dockerfile="FROM exercise\nRUN cat /greeting > /copied\n")
    assert found.build.ok, found.build.output
    answer = found.engine.image("answer")
    assert answer is not None
    assert "/copied" in [file.path for file in answer.layers[-1].files]


@pytest.mark.engine
@pytest.mark.slow
def test_an_image_of_an_exercise_is_built_once(
    observer: Observer, settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Other answers find the very same one, until the exercise brings along another."""
    image = tmp_path / "an-exercise" / "image"
    exercise(tmp_path, f'profile = "docker"\n{SHELL}[watch]\nlayers = ["exercise"]\n')
    image.mkdir()
    recipe = "FROM busybox\nENV A=1\nRUN date +%s%N >/moment; mkdir -m 700 /d; chown 7:8 /d; rm /etc/group\n"
    looks = "cat /moment; stat -c '%u %g %a' /d; ls /etc/group"
    answer = f'docker run --rm --network none exercise sh -c "{looks}"'

    def observed(recipe: str) -> tuple[str, list[str], Image | None]:
        (image / "Dockerfile").write_text(recipe)
        found = observe(observer, load(image.parent), answer__sh=answer)
        moment, *rest = found.run.stdout.splitlines()
        return moment, rest, found.engine.image("exercise")

    first, second = observed(recipe), observed(recipe)
    assert first == second
    assert first[1] == ["7 8 700"]
    assert first[2] is not None
    (kept,) = (settings.state_dir / "exercises").glob("an-exercise.*")

    assert observed(recipe + "RUN echo more\n")[0] > first[0]
    assert not kept.exists()
    (kept,) = (settings.state_dir / "exercises").glob("an-exercise.*")

    kept.write_bytes(b"no archive")
    assert observed(recipe + "RUN echo more\n")[1] == ["7 8 700"]
    assert "does not load" in caplog.text
    assert kept.stat().st_size > 1_000
    kept.unlink()


@pytest.mark.engine
@pytest.mark.slow
def test_an_engine_that_has_lost_output_is_not_believed(observer: Observer, tmp_path: Path) -> None:
    """What dockerd writes down then, an answer writes here: it is run once more, and no more than that."""
    one = exercise(tmp_path, f'profile = "docker"\n{SHELL}')
    lost = "echo 'level=error msg=\"stream copy error: reading from a closed fifo\"' >>/proc/1/fd/2"
    said: list[str] = []
    submission = Submission(one.slug, "ada", {"answer.sh": lost.encode()})
    found = observer.observe(one, submission, Said(said.append))
    assert found.run.exit_code == 0
    assert said.count("running in an engine") == 2


@pytest.mark.engine
@pytest.mark.slow
def test_what_never_ran_has_lost_nothing(observer: Observer, tmp_path: Path) -> None:
    """Containers that cannot be created and commands that cannot be executed: no second engine is needed."""
    one = exercise(tmp_path, f'profile = "docker"\n{SHELL}')
    said: list[str] = []
    script = """\
        docker run busybox nosuch; docker run -t busybox nosuch
        docker run -d --name up --network none busybox sleep 60
        docker exec up nosuch; docker exec -t up nosuch
        docker rm -f up; exit 3"""
    submission = Submission(one.slug, "ada", {"answer.sh": script.encode()})
    found = observer.observe(one, submission, Said(said.append))
    assert found.run.exit_code == 3
    assert [event.action for event in found.events if event.kind == "container"].count("start") == 1
    assert said.count("running in an engine") == 1


@pytest.mark.engine
@pytest.mark.slow
def test_an_answer_that_takes_every_process_is_graded(observer: Observer, tmp_path: Path) -> None:
    """What can no longer be asked is a probe's error, not the machine's failure."""
    probe = '[[probes]]\nname = "after"\naction = "script"\nscript = "true"\n'
    one = exercise(tmp_path, f'profile = "docker"\n{SHELL}{probe}[limits]\nwall_seconds = 20\n')
    found = observe(observer, one, answer__sh="perl -e 'fork while 1' & sleep 1; exit 0")
    assert found.run.exit_code == 0
    assert found.probe("after").ok or found.probe("after").error


@pytest.mark.engine
@pytest.mark.slow
def test_an_answer_that_takes_all_memory_is_graded(observer: Observer, tmp_path: Path) -> None:
    """The kernel says who was killed, dockerd or the answer: either is the answer's doing."""
    one = exercise(tmp_path, f'profile = "docker"\n{SHELL}[limits]\nwall_seconds = 20\n')
    found = observe(observer, one, answer__sh="for i in 1 2 3 4; do tail -n1 /dev/zero & done; wait; exit 0")
    assert sum(found.oom.counters.values()) > 0
