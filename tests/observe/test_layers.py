"""Layers and images: real archives of three engines, and what hostile ones may try."""

import contextlib
import gzip
import hashlib
import io
import json
import tarfile
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from grader.evidence import Image, Layer
from grader.image_files import deleted, merge, present, wasted_bytes
from grader.observe.archives import read_entries
from grader.observe.contents import ArchiveError, Contents
from grader.observe.images import StoredLayer, Wanted, assemble, read_image
from grader.observe.layers import Budget, read_layer
from grader.observe.saved import read_archive

DATA = Path(__file__).parent / "data"
ENGINES = ["docker-20.10", "docker-26.1", "docker-26.1-containerd"]
SECRET = "searched-secret"


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def archive(*entries: tuple[str, bytes] | tarfile.TarInfo, form: int = tarfile.PAX_FORMAT) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=form) as target:
        for entry in entries:
            if isinstance(entry, tarfile.TarInfo):
                target.addfile(entry, io.BytesIO(bytes(entry.size)))
            else:
                info = tarfile.TarInfo(entry[0])
                info.size = len(entry[1])
                target.addfile(info, io.BytesIO(entry[1]))
    return packed.getvalue()


def special(name: str, kind: bytes, target: str = "", size: int = 0) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, target, size
    return info


def header(
    name: bytes, flag: bytes = b"0", size: bytes = b"0", magic: bytes = b"ustar\x0000", prefix: bytes = b""
) -> bytes:
    block = bytearray(512)
    block[: len(name)] = name
    block[100:108] = b"0000644\0"
    block[124 : 124 + len(size)] = size
    block[156:157] = flag
    block[257 : 257 + len(magic)] = magic
    block[345 : 345 + len(prefix)] = prefix
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def layer(data: bytes, *search: str, budget: Budget | None = None) -> Layer:
    plain = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    return read_layer(io.BytesIO(data), digest(plain), digest(data), search, budget or Budget())


def saved(engine: str, wanted: Wanted | None = None) -> dict[str, Image]:
    with open(DATA / engine / "saved.tar.gz", "rb") as stream:
        return {image.tags[0]: image for image in read_archive(stream, wanted)}


# Real archives


@pytest.mark.parametrize("engine", ENGINES)
class TestSaved:
    def test_config_says_how_to_run_the_image(self, engine: str) -> None:
        config = saved(engine)["answer:latest"].config
        assert config.entrypoint == ("/act",)
        assert config.cmd == ("nap", "60")
        assert config.user == "1000:1000"
        assert config.workdir == "/srv"
        assert config.env["A"] == "1"
        assert config.env["B"] == "two words"
        assert config.labels == {"org.example.x": "y"}
        assert config.exposed == ("53/udp", "80/tcp")
        assert config.volumes == ("/data",)
        assert config.stop_signal == "SIGINT"
        assert config.healthcheck == ("CMD", "/act", "tell", "well")

    def test_layers_say_what_each_step_changed(self, engine: str) -> None:
        image = saved(engine, Wanted(search=(SECRET,)))["answer:latest"]
        assert len(image.layers) == 7
        assert sum(not step.empty for step in image.history) == 7
        copied, made, linked, replaced, owned = image.layers[1:6]
        assert [file.path for file in copied.files] == ["/opt", "/opt/secret"]
        assert copied.size == 15
        assert copied.matches == {SECRET: ("/opt/secret",)}
        assert {(file.path, file.kind, file.target) for file in made.files} >= {
            ("/link", "symlink", "/opt/a"),
            ("/opt/a/one", "file", ""),
        }
        assert linked.whiteouts == ("/opt/a/one",)
        assert {file.kind for file in linked.files} >= {"fifo", "directory"}
        assert replaced.opaque == ("/opt/a",) or replaced.whiteouts == ("/opt/a/two",)
        assert owned.whiteouts == ("/tree/b",)
        assert [(file.uid, file.gid) for file in owned.files if file.path == "/opt/secret"] == [(1, 2)]

    def test_the_whole_is_what_the_container_would_see(self, engine: str) -> None:
        image = saved(engine)["answer:latest"]
        files = [path for path, file in merge(image).items() if file.kind != "directory"]
        assert files == ["/act", "/fifo", "/link", "/opt/a/three", "/opt/hard", "/opt/secret"]
        assert present(image, "/opt/secret")
        assert present(image, "opt/a/three")
        assert not present(image, "/opt/a/one")
        assert deleted(image, "/opt/a/one")
        assert deleted(image, "/tree/b/c")
        assert not deleted(image, "/opt/secret")
        # one, two's first copy, the secret before chown, and the base's /tree/b/c
        assert wasted_bytes(image) == 1 + 2 + 15 + 4

    def test_two_images_share_their_layers(self, engine: str) -> None:
        images = saved(engine)
        assert images.keys() == {"answer:latest", "second:latest"}
        assert images["answer:latest"].layers == images["second:latest"].layers
        assert images["second:latest"].config.env["C"] == "3"

    def test_layers_of_our_base_are_left_out(self, engine: str) -> None:
        base = saved(engine)["answer:latest"].layers[0].diff_id
        image = saved(engine, Wanted(base=frozenset({base})))["answer:latest"]
        assert image.layers[0] == Layer(base, 0, True, (), (), (), {})
        assert wasted_bytes(image) == 1 + 2 + 15
        assert deleted(image, "/tree/b/c")

    def test_a_changed_byte_changes_nothing_unnoticed_but_a_tag(self, engine: str) -> None:
        packed = bytearray(gzip.decompress((DATA / engine / "saved.tar.gz").read_bytes()))
        known = [replace(image, tags=()) for image in saved(engine).values()]
        for place in range(0, len(packed), 997):
            packed[place] ^= 1
            try:
                images = read_archive(io.BytesIO(packed))
            except ArchiveError:
                images = ()
            packed[place] ^= 1
            assert all(replace(image, tags=()) in known for image in images), place


def store(engine: str) -> tuple[dict[str, bytes], str]:
    """Return the blobs of an archive in OCI layout, and the digest of its first image."""
    with tarfile.open(DATA / engine / "saved.tar.gz") as packed:
        files = {info.name: packed.extractfile(info).read() for info in packed if info.isreg()}  # type: ignore[union-attr]
    blobs = {f"sha256:{name[-64:]}": data for name, data in files.items() if name.startswith("blobs/")}
    return blobs, json.loads(files["index.json"])["manifests"][0]["digest"]


class TestStore:
    def test_reads_an_image_by_its_digest(self) -> None:
        blobs, root = store("docker-26.1-containerd")
        image = read_image(root, blobs.__getitem__, tags=["docker.io/library/answer:latest"])
        assert image == saved("docker-26.1-containerd")["answer:latest"]
        assert image.id == root

    def test_base_layers_are_not_even_asked_for(self) -> None:
        blobs, root = store("docker-26.1-containerd")
        image = read_image(root, blobs.__getitem__)
        manifest = json.loads(blobs[root])
        asked: list[str] = []

        def blob(name: str) -> bytes:
            asked.append(name)
            return blobs[name]

        base = frozenset({image.layers[0].diff_id})
        assert read_image(root, blob, Wanted(base=base)).layers[0].base
        assert manifest["layers"][0]["digest"] not in asked
        assert manifest["layers"][1]["digest"] in asked

    def test_an_index_leads_to_the_image_and_not_to_its_attestation(self) -> None:
        blobs, root = store("docker-26.1-containerd")
        attestation = {
            "digest": digest(b"{}"),
            "annotations": {"vnd.docker.reference.type": "attestation-manifest"},
        }
        other = {"digest": digest(b"other"), "platform": {"architecture": "riscv64", "os": "linux"}}
        ours = {"digest": root, "platform": {"architecture": "amd64", "os": "linux"}}
        index = json.dumps({"manifests": [attestation, other, ours]}).encode()
        blobs |= {digest(index): index}
        image = read_image(digest(index), blobs.__getitem__, Wanted(architecture="amd64"))
        assert image.layers == read_image(root, blobs.__getitem__).layers
        assert image.id == digest(index)

    @pytest.mark.parametrize("number", range(9))
    def test_a_blob_that_is_not_what_it_says_is_refused(self, number: int) -> None:
        blobs, root = store("docker-26.1-containerd")
        manifest = json.loads(blobs[root])
        names = [root, manifest["config"]["digest"], *(found["digest"] for found in manifest["layers"])]
        blobs[names[number]] += b" "
        with pytest.raises(ArchiveError, match=r"says that it is|gzip"):
            read_image(root, blobs.__getitem__)

    def test_errors_of_the_store_go_through(self) -> None:
        blobs, root = store("docker-26.1-containerd")
        with pytest.raises(KeyError):
            read_image(root, {root: blobs[root]}.__getitem__)

    @pytest.mark.parametrize(
        "document",
        [
            b"",
            b"[]",
            b"{}",
            b"[" * 100_000,
            b'{"config": {"digest": "../../etc/passwd"}, "layers": []}',
            b'{"config": {"digest": "sha256:' + b"a" * 64 + b'\\n"}, "layers": []}',
            b'{"manifests": []}',
            b'{"manifests": 3}',
            b'{"layers": [{}], "config": {}}',
            b"\xff\xfe",
            b"{" + b" " * (2 << 20) + b"}",
        ],
    )
    def test_documents_of_another_form_are_refused(self, document: bytes) -> None:
        with pytest.raises(ArchiveError):
            read_image(digest(document), {digest(document): document}.__getitem__)

    def test_indexes_may_not_go_on_for_ever(self) -> None:
        blobs, root = store("docker-26.1-containerd")
        for _ in range(10):
            index = json.dumps({"manifests": [{"digest": root}]}).encode()
            root = digest(index)
            blobs[root] = index
        with pytest.raises(ArchiveError, match="too deep"):
            read_image(root, blobs.__getitem__)

    def test_a_diff_id_that_is_not_the_contents_is_refused(self) -> None:
        data = archive(("a", b"1"))
        config = json.dumps({"rootfs": {"diff_ids": [digest(b"")]}}).encode()
        with pytest.raises(ArchiveError, match="says that its content is"):
            assemble("x", config, [StoredLayer(None, lambda: io.BytesIO(data))])

    def test_layers_and_config_must_agree_in_number(self) -> None:
        config = json.dumps({"rootfs": {"diff_ids": [digest(b"")]}}).encode()
        with pytest.raises(ArchiveError, match="has 0 layers"):
            assemble("x", config, [])

    def test_a_layer_that_occurs_often_is_read_once(self) -> None:
        data = archive(("a", b"1"))
        opened: list[int] = []

        def open_it() -> io.BytesIO:
            opened.append(1)
            return io.BytesIO(data)

        config = json.dumps({"rootfs": {"diff_ids": [digest(data)] * 100}}).encode()
        image = assemble("x", config, [StoredLayer(digest(data), open_it)] * 100)
        assert len(image.layers) == 100
        assert len(opened) == 1

    def test_a_small_image_takes_a_few_milliseconds(self) -> None:
        blobs, root = store("docker-26.1-containerd")
        spans = []
        for _ in range(20):
            begun = time.perf_counter()
            read_image(root, blobs.__getitem__, Wanted(search=(SECRET,)))
            spans.append(time.perf_counter() - begun)
        assert min(spans) < 0.005


# Layers made for the purpose


class TestLayer:
    def test_entries_are_ordered_by_path(self) -> None:
        found = layer(archive(("b", b""), ("a/b", b""), ("a", b"")))
        assert [file.path for file in found.files] == ["/a", "/a/b", "/b"]

    def test_names_are_absolute_and_stay_inside(self) -> None:
        found = layer(archive(("./a", b""), ("../../b", b""), ("/c//d/../e", b""), ("/", b"")))
        assert [file.path for file in found.files] == ["/", "/a", "/b", "/c/e"]

    def test_names_that_are_not_text_are_shown_as_they_are(self) -> None:
        found = layer(header(b"a\xff") + bytes(1024))
        assert found.files[0].path == "/a\\xff"

    @pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
    def test_long_names_and_targets(self, form: int) -> None:
        long = "/".join(["folder" * 10] * 20)
        found = layer(archive((long, b"x"), special("link", tarfile.SYMTYPE, long), form=form))
        assert {file.path: file.target for file in found.files} == {f"/{long}": "", "/link": long}

    def test_ustar_prefix(self) -> None:
        found = layer(header(b"name", prefix=b"some/where") + bytes(1024))
        assert found.files[0].path == "/some/where/name"

    def test_kinds(self) -> None:
        kinds = {
            "directory": tarfile.DIRTYPE,
            "symlink": tarfile.SYMTYPE,
            "hardlink": tarfile.LNKTYPE,
            "device": tarfile.CHRTYPE,
            "fifo": tarfile.FIFOTYPE,
            "file": tarfile.CONTTYPE,
        }
        found = layer(archive(*(special(name, kind) for name, kind in kinds.items())))
        assert {file.path: file.kind for file in found.files} == {f"/{name}": name for name in kinds}
        assert layer(archive(special("b", tarfile.BLKTYPE))).files[0].kind == "device"

    def test_nothing_follows_what_is_no_file_whatever_its_size_says(self) -> None:
        data = header(b"link", b"1", b"00001000000\0") + header(b"hidden") + bytes(1024)
        assert [file.path for file in layer(data).files] == ["/hidden", "/link"]

    def test_whiteouts(self) -> None:
        found = layer(archive(("a/.wh.b", b""), ("a/.wh..wh..opq", b""), (".wh..wh.plnk", b""), ("c", b"12")))
        assert found.whiteouts == ("/a/b",)
        assert found.opaque == ("/a",)
        assert [file.path for file in found.files] == ["/c"]
        assert found.size == 2

    @pytest.mark.parametrize("name", [".wh.", "a/.wh..", "a/.wh..."])
    def test_impossible_whiteouts(self, name: str) -> None:
        with pytest.raises(ArchiveError, match="impossible name"):
            layer(archive((name, b"")))

    def test_of_two_entries_with_one_path_the_later_counts(self) -> None:
        found = layer(archive(("a", b"1"), ("a", b"22")))
        assert [(file.path, file.size) for file in found.files] == [("/a", 2)]

    @pytest.mark.parametrize("offset", [0, 1, (1 << 18) - 7, (1 << 18) - 1, 1 << 18, (1 << 19) - 3])
    def test_texts_are_found_across_pieces(self, offset: int) -> None:
        data = bytes(offset) + SECRET.encode() + bytes(1 << 18)
        packed = archive(("big", data), ("other", b"x"))
        for stored in (packed, gzip.compress(packed, 1)):
            assert layer(stored, SECRET, "absent").matches == {SECRET: ("/big",)}

    def test_texts_are_not_found_across_files(self) -> None:
        assert layer(archive(("a", b"searched"), ("b", b"-secret")), SECRET).matches == {}

    def test_texts_are_found_in_names_and_targets(self) -> None:
        found = layer(archive((f"x/{SECRET}/y", b""), special("l", tarfile.SYMTYPE, SECRET)), SECRET)
        assert found.matches == {SECRET: ("/l", f"/x/{SECRET}/y")}

    def test_the_first_entries_are_listed(self) -> None:
        found = layer(archive(*((f"{number:05}", b"x") for number in range(5_010))))
        assert len(found.files) == 5_000
        assert found.truncated
        assert found.size == 5_010

    def test_names_have_a_budget_for_the_whole_image(self) -> None:
        found = layer(archive(("a" * 90, b""), ("b" * 90, b"")), budget=Budget(names=100))
        assert [file.path[:2] for file in found.files] == ["/a"]
        assert found.truncated

    def test_a_bomb_is_not_unpacked_to_its_end(self) -> None:
        bomb = gzip.compress(bytes(64 << 20), 9)
        with pytest.raises(ArchiveError, match="holds more than"):
            layer(gzip.compress(archive(("zeros", bytes(64 << 20))), 1), budget=Budget(bytes=8 << 20))
        with pytest.raises(ArchiveError, match="holds more than"):
            read_layer(io.BytesIO(bomb * 100), "", None, (), Budget(bytes=8 << 20))

    def test_gzip_headers_have_a_budget_too(self) -> None:
        class Endless:
            def read(self, size: int, /) -> bytes:
                return gzip.compress(b"") * (size // 20)

        with pytest.raises(ArchiveError, match="is larger than"):
            read_layer(Endless(), "", None, (), Budget(bytes=4 << 20))

    def test_the_budget_is_one_for_all_layers(self) -> None:
        budget = Budget(bytes=25 << 10)
        data = archive(("a", b"1"))
        layer(data, budget=budget)
        layer(data, budget=budget)
        with pytest.raises(ArchiveError):
            layer(data, budget=budget)

    def test_entries_have_a_budget(self) -> None:
        with pytest.raises(ArchiveError, match="more entries"):
            layer(archive(*((str(number), b"") for number in range(20))), budget=Budget(entries=10))

    @pytest.mark.parametrize(
        ("data", "match"),
        [
            (b"no tar archive at all" * 100, "no tar archive"),
            (header(b"a", size=b"-0000000001\0"), "no tar archive"),
            (header(b"a", size=b"\xff" * 12), "out of range"),
            (header(b"a", size=b"\x80" + b"\x7f" * 11), "out of range"),
            (header(b"a", size=b"00000001000\0"), "middle of a file"),
            (header(b"a", b"x", b"00010000001\0"), "extended header of"),
            (header(b"a", b"x", b"00000000005\0") + b"9 a=b".ljust(512, b"\0"), "damaged extended"),
            (header(b"a", b"x", b"00000000005\0") + b"0 a=\n".ljust(512, b"\0"), "damaged extended"),
            (
                header(b"a", b"x", b"00000000011\0") + b"9 size=-\n".ljust(512, b"\0") + header(b"a"),
                "damaged ext",
            ),
            (
                header(b"a", b"x", b"00000000034\0") + b"28 GNU.sparse.major=1234567\n".ljust(512, b"\0"),
                "sparse",
            ),
            (header(b"a", b"L", b"00000000002\0") + b"b\0".ljust(512, b"\0"), "after an extended header"),
            (header(b"a", b"L", b"00000020000\0") + b"b" * 8192 + header(b"a"), "no Linux"),
            (header(b"a", b"S"), "unknown kind"),
            (header(b"a", b"V"), "unknown kind"),
            (header(b"a")[:300], "middle of a header"),
            (bytes(512) + header(b"a"), "goes on after its end"),
            (b"\x28\xb5\x2f\xfd" + bytes(100), "zstd"),
            (b"BZh9" + bytes(100), "bzip2"),
            (gzip.compress(bytes(5000), mtime=0)[:-9], "gzip"),
            (gzip.compress(bytes(1024), mtime=0) + b"garbage", "gzip"),
        ],
    )
    def test_what_cannot_be_read_is_refused(self, data: bytes, match: str) -> None:
        with pytest.raises(ArchiveError, match=match):
            read_layer(io.BytesIO(data), digest(data), None, (), Budget())

    def test_a_global_header_says_nothing(self) -> None:
        body = b"18 path=elsewhere\n".ljust(512, b"\0")
        assert (
            layer(header(b"g", b"g", b"00000000022\0") + body + header(b"a") + bytes(1024)).files[0].path
            == "/a"
        )

    def test_several_gzip_members_are_one_archive(self) -> None:
        data = archive(("a", b"1"), ("b", b"2"))
        parts = gzip.compress(data[:700]) + gzip.compress(b"") + gzip.compress(data[700:])
        found = read_layer(io.BytesIO(parts), digest(data), digest(parts), (), Budget())
        assert [file.path for file in found.files] == ["/a", "/b"]

    def test_what_comes_in_small_pieces_is_read_just_as_well(self) -> None:
        class Dripping(io.BytesIO):
            def read(self, size: int | None = -1, /) -> bytes:
                return super().read(min(size or 0, 7))

        data = archive(("a", b"1" * 1000 + SECRET.encode()))
        for stored in (data, gzip.compress(data)):
            found = read_layer(Dripping(stored), digest(data), digest(stored), (SECRET,), Budget())
            assert found.matches == {SECRET: ("/a",)}


class TestArchive:
    def test_links_that_lead_nowhere(self) -> None:
        config = json.dumps({"rootfs": {"diff_ids": [digest(b"")]}}).encode()
        name = f"{digest(config)[7:]}.json"
        manifest = json.dumps([{"Config": name, "RepoTags": None, "Layers": ["a/layer.tar"]}]).encode()
        for target in ("../a/layer.tar", "../../../etc/passwd", "/etc/passwd", "../b/layer.tar"):
            packed = archive(
                (name, config), ("manifest.json", manifest), special("a/layer.tar", tarfile.SYMTYPE, target)
            )
            with pytest.raises(ArchiveError, match="not in it"):
                read_archive(io.BytesIO(packed))

    def test_a_config_must_be_what_its_name_says(self) -> None:
        name = f"{'a' * 64}.json"
        manifest = json.dumps([{"Config": name, "Layers": []}]).encode()
        with pytest.raises(ArchiveError, match="says that it is"):
            read_archive(io.BytesIO(archive((name, b"{}"), ("manifest.json", manifest))))

    def test_no_images(self) -> None:
        with pytest.raises(ArchiveError, match="no images"):
            read_archive(io.BytesIO(archive(("a", b""))))

    def test_limits(self) -> None:
        with pytest.raises(ArchiveError, match="more than 1,024 bytes"):
            read_archive(io.BytesIO(gzip.compress(archive(("a", bytes(5000))))), limit=1024)
        with pytest.raises(ArchiveError, match="more than 5,000 files"):
            read_archive(io.BytesIO(archive(*((str(number), b"") for number in range(5_001)))))


# Whatever comes


BLOCKS = st.sampled_from(
    [
        header(b"file", size=b"00000000003\0"),
        header(b"d/", b"5"),
        header(b"d/.wh.x"),
        header(b"l", b"2"),
        header(b"p", b"x", b"00000000022\0"),
        b"18 path=elsewhere\n".ljust(512, b"\0"),
        header(b"n", b"L", b"00000000004\0"),
        b"abc".ljust(512, b"\0"),
        bytes(512),
    ]
)


@given(
    st.lists(BLOCKS | st.binary(min_size=512, max_size=512), max_size=12), st.integers(0, 600), st.booleans()
)
def test_any_bytes_are_read_or_refused(blocks: list[bytes], cut: int, packed: bool) -> None:
    """Nothing but an `ArchiveError` comes of bytes that are no archive."""
    data = b"".join(blocks)[: -cut or None]
    with contextlib.suppress(ArchiveError):
        layer(gzip.compress(data) if packed else data, "abc")


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(
        st.from_regex(r"[a-zé]{1,120}(/[a-z]{1,60}){0,3}", fullmatch=True), st.binary(max_size=2000)
    )
)
def test_whatever_tarfile_writes_is_read(files: dict[str, bytes]) -> None:
    """Names, sizes and contents agree with what was packed, in each format."""
    for form in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
        packed = archive(*files.items(), form=form)
        contents = Contents(io.BytesIO(packed), 1 << 30)
        found = {entry.path: contents.take(entry.size) for entry in read_entries(contents)}
        assert found == {f"/{name}": data for name, data in files.items()}
