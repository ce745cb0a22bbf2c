"""The engine's state: what three engines answered, and what hostile ones might."""

import gzip
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.errors import SubmissionError
from grader.evidence import Engine, Process
from grader.observe.engine_state import by_container, to_container, to_engine, to_inspect
from grader.observe.saved import read_archive

DATA = Path(__file__).parent / "data"
ENGINES = ["docker-20.10", "docker-26.1", "docker-26.1-containerd"]
LIMIT = 256 << 10


def answers(engine: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(gzip.decompress((DATA / engine / "engine.json.gz").read_bytes()))
    return found


def state(said: dict[str, Any], **pids: list[int]) -> Engine:
    names = {found["Name"]: found["Id"] for found in said["inspections"]}
    processes = {names[f"/{name}"]: numbers for name, numbers in pids.items()}
    images = said["image_inspections"]
    return to_engine(said["inspections"], images, said["networks"], said["volumes"], processes)


def process(pid: int, group: str) -> Process:
    return Process(pid, 1, (pid,), "x", ("x",), 0, group, {}, (0.0, 0.0))


@pytest.fixture(params=ENGINES)
def said(request: pytest.FixtureRequest) -> dict[str, Any]:
    return answers(request.param)


class TestEngines:
    def test_containers(self, said: dict[str, Any]) -> None:
        engine = state(said, alive=[30, 20])
        found = {
            name: (container.status, container.exit_code, container.restart_count, container.processes)
            for name in ("web", "again", "busy", "alive")
            if (container := engine.container(name))
        }
        assert found == {
            "web": ("exited", 137, 0, ()),
            "again": ("exited", 5, 2, ()),
            "busy": ("running", 0, 0, ()),
            "alive": ("running", 0, 0, (20, 30)),
        }

    def test_inspections_keep_what_checks_need(self, said: dict[str, Any]) -> None:
        web = state(said).container("web")
        assert web is not None
        assert web.image == "answer"
        assert web.inspect["HostConfig"]["Memory"] == 64 << 20
        assert web.inspect["HostConfig"]["NetworkMode"] == "none"
        assert web.inspect["HostConfig"]["Privileged"] is False
        assert web.inspect["HostConfig"]["RestartPolicy"]["Name"] in {"", "no"}
        assert web.inspect["Config"]["Labels"]["org.example.role"] == "front"
        assert {mount["Destination"] for mount in web.inspect["Mounts"]} == {"/store", "/data"}
        assert "none" in web.inspect["NetworkSettings"]["Networks"]
        assert web.inspect["State"]["FinishedAt"] > web.inspect["State"]["StartedAt"]

    def test_inspections_lose_their_ballast(self, said: dict[str, Any]) -> None:
        before = len(json.dumps(said["inspections"]))
        engine = state(said)
        after = sum(len(msgspec.json.encode(container.inspect)) for container in engine.containers)
        assert after < 0.75 * before
        for container in engine.containers:
            assert not {"GraphDriver", "LogPath"} & container.inspect.keys()
            assert "MaskedPaths" not in container.inspect["HostConfig"]

    def test_images(self, said: dict[str, Any]) -> None:
        image = state(said).image("answer")
        assert image is not None
        assert image.tags == ("answer:latest",)
        assert image.config.entrypoint == ("/act",)
        assert image.config.env["B"] == "two words"
        assert image.config.healthcheck == ("CMD", "/act", "tell", "well")
        assert image.config.exposed == ("53/udp", "80/tcp")
        assert image.layers == ()

    def test_summaries_of_images_will_do(self, said: dict[str, Any]) -> None:
        engine = to_engine([], said["images"], [], {}, {})
        assert {tag for image in engine.images for tag in image.tags} >= {"answer:latest", "second:latest"}

    def test_networks_and_volumes(self, said: dict[str, Any]) -> None:
        engine = state(said)
        lab = next(network for network in engine.networks if network["Name"] == "lab")
        assert lab["Internal"] is True
        assert "store" in {volume["Name"] for volume in engine.volumes}

    def test_all_containers_are_to_be_inspected(self, said: dict[str, Any]) -> None:
        assert set(to_inspect(said["containers"])) == {found["Id"] for found in said["inspections"]}

    def test_it_is_evidence(self, said: dict[str, Any]) -> None:
        engine = state(said)
        assert msgspec.json.decode(msgspec.json.encode(engine), type=Engine) == engine


def test_images_that_were_read_keep_their_layers() -> None:
    """The engine and an archive of containerd's store call an image by the same id."""
    said = answers("docker-26.1-containerd")
    with open(DATA / "docker-26.1-containerd" / "saved.tar.gz", "rb") as stream:
        read = {image.id: image for image in read_archive(stream)}
    engine = to_engine([], said["image_inspections"], [], {}, {}, read)
    image = engine.image("answer")
    assert image is not None
    assert len(image.layers) == 7
    assert image.config == read[image.id].config
    assert image.tags == ("answer:latest",)


def test_engines_without_the_old_fields() -> None:
    """What engine 29 no longer says (API 1.44 and later) is not needed."""
    said = answers("docker-26.1")
    for found in said["inspections"]:
        for key in ("GraphDriver", "Driver", "Platform", "AppArmorProfile", "ExecIDs", "RestartCount"):
            found.pop(key, None)
        for key in ("Bridge", "IPAddress", "MacAddress", "Gateway", "HairpinMode"):
            found["NetworkSettings"].pop(key, None)
    for found in said["image_inspections"]:
        for key in ("Container", "ContainerConfig", "Parent", "DockerVersion", "VirtualSize", "GraphDriver"):
            found.pop(key, None)
    engine = state(said)
    assert engine.container("web") is not None
    assert engine.image("answer") is not None


class TestProcesses:
    ID = "ab" * 32
    OTHER = "cd" * 32

    @pytest.mark.parametrize(
        "group",
        [f"/docker/{ID}", f"/docker/{ID}/init", f"/system.slice/docker-{ID}.scope", f"/mine/{ID}/deep/er"],
    )
    def test_groups_name_their_container(self, group: str) -> None:
        assert by_container([process(7, group), process(3, group)], [self.ID]) == {self.ID: (3, 7)}

    def test_other_groups_name_none(self) -> None:
        groups = ["/", "/docker", "/init", f"/docker/{self.ID[:12]}", f"/docker/{self.OTHER}", f"/x{self.ID}"]
        assert by_container([process(1, group) for group in groups], [self.ID]) == {}

    def test_a_container_cannot_lend_its_processes_to_another(self) -> None:
        inside = process(1, f"/docker/{self.ID}/docker/{self.OTHER}")
        assert by_container([inside], [self.ID, self.OTHER]) == {self.ID: (1,)}


class TestHostile:
    def test_only_so_many_of_each(self) -> None:
        engine = to_engine([{}] * 300, [{}] * 300, [{}] * 300, {"Volumes": [{}] * 300}, {})
        sizes = [len(engine.containers), len(engine.images), len(engine.networks), len(engine.volumes)]
        assert sizes == [200] * 4
        assert len(to_inspect([{"Id": f"{number:064x}"} for number in range(300)])) == 200

    def test_ids_to_inspect_are_ids(self) -> None:
        odd = [{"Id": "../../images/json"}, {"Id": 3}, {}, {"Id": "ab" * 32 + "\n"}, {"Id": "AB" * 32}]
        assert to_inspect(odd) == ()

    @pytest.mark.parametrize(
        "ballast",
        [
            {"Config": {"Env": ["x" * 100_000] * 100}},
            {"Config": {"Labels": {f"{number}{'k' * 900}": "v" * 900 for number in range(1_000)}}},
            {"Args": ["a"] * 1_000_000},
            {"Path": "é" * (1 << 20)},
            {"Mounts": [{"Source": "s" * 4000, "Destination": str(number)} for number in range(3_000)]},
        ],
    )
    def test_what_is_too_long_is_cut_and_crowds_nothing_out(self, ballast: dict[str, Any]) -> None:
        host = {f"Option{number}": 0 for number in range(100)} | {"Privileged": True}
        inspection = {**ballast, "Name": "/x", "State": {"Status": "exited"}, "HostConfig": host}
        container = to_container(inspection)
        assert len(msgspec.json.encode(container.inspect)) <= LIMIT
        assert container.inspect["HostConfig"]["Privileged"] is True
        assert container.inspect["State"] == {"Status": "exited"}
        assert (container.name, container.status) == ("x", "exited")

    def test_what_is_deep_is_cut(self) -> None:
        deep: Any = 1
        for _ in range(5_000):
            deep = {"a": [deep]}
        container = to_container({"Config": deep})
        assert len(msgspec.json.encode(container.inspect)) < 200

    def test_what_stays_too_long_is_refused(self) -> None:
        wide = {str(n): {str(m): {str(k): "v" * 60 for k in range(99)} for m in range(99)} for n in range(9)}
        with pytest.raises(SubmissionError, match="length"):
            to_container({"Config": wide})

    @pytest.mark.parametrize(
        "said",
        [
            {"State": None, "Config": [], "Name": 3, "Id": {}, "RestartCount": "many"},
            {"State": {"Status": 1, "ExitCode": 1 << 80, "OOMKilled": "yes"}},
            {"HostConfig": 7, "Huge": 1 << 200, "Negative": -(1 << 70), "Odd": float("nan")},
            {"Name": "/\ud800", "Config": {"Labels": {"\udfff": "\ud800"}}},
        ],
    )
    def test_odd_inspections_become_evidence_all_the_same(self, said: dict[str, Any]) -> None:
        container = to_container(said)
        assert msgspec.json.encode(container)
        assert not container.oom_killed
        assert container.exit_code == 0

    @pytest.mark.parametrize("networks", [3, "text", {"a": 1}, [3], [None], [[]]])
    def test_lists_of_another_form_are_refused(self, networks: Any) -> None:
        with pytest.raises(SubmissionError, match="engine lists"):
            to_engine([], [], networks, {}, {})

    def test_an_image_of_another_form_is_refused(self) -> None:
        with pytest.raises(SubmissionError, match="image sha256:x strangely"):
            to_engine([], [{"Id": "sha256:x", "Config": {"Env": 3}}], [], {}, {})

    def test_an_empty_engine_says_null(self) -> None:
        assert to_engine([], [], [], {"Volumes": None, "Warnings": None}, {}) == Engine((), (), (), ())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)
FIELDS = st.sampled_from(
    ["Id", "Name", "State", "Config", "HostConfig", "Image", "RepoTags", "RestartCount", "Mounts"]
)


@pytest.mark.slow
@given(st.lists(st.dictionaries(FIELDS, JSON, max_size=5), max_size=3), JSON)
def test_any_json_becomes_evidence_or_is_refused(said: list[dict[str, Any]], volumes: Any) -> None:
    """Whatever an engine says, it is evidence that can be stored, or a `SubmissionError`."""
    try:
        engine = to_engine(said, said, said, {"Volumes": volumes}, {})
    except SubmissionError:
        return
    assert msgspec.json.encode(engine)
