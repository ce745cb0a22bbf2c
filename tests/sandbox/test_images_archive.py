"""Layers and archives: the right content, the same bytes each time, nothing left out silently."""

import hashlib
import io
import json
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from grader.errors import SandboxError
from grader.sandbox.images import archive, layer
from grader.sandbox.images.recipes import Account, ImageRecipe, RootRecipe, WholeSystem

_CREATED = 1_700_000_000
_ROOT = RootRecipe(
    name="small",
    variant="minbase",
    packages=(),
    excluded=(),
    included=(),
    directories=("work", "srv/added"),
    links={"usr/added": "/bin"},
    accounts=(Account("learner", 1000, "/work"),),
)
_LAYER = WholeSystem("small", _ROOT)
_IMAGE = ImageRecipe(
    name="small",
    names=("small:1", "other/small"),
    layers=(_LAYER,),
    command=("sh", "-c", "true"),
    settings={"Entrypoint": ["env"], "ExposedPorts": {"80/tcp": {}}},
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    for directory in ("etc", "work/below", "srv/added", "srv/own", "usr", "b"):
        (root / directory).mkdir(parents=True)
    (root / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\nlearner:x:1000:1000::/work:/bin/bash\n")
    (root / "work/below/file").write_text("not in the image")
    (root / "b/first").write_text("shared")
    os.link(root / "b/first", root / "b/second")
    (root / "a").symlink_to("/b")
    (root / "usr/added").symlink_to("/bin")
    (root / "b/first").chmod(0o4755)
    for folder, directories, files in os.walk(root, topdown=False):
        for name in (*directories, *files):
            os.utime(Path(folder, name), (_CREATED, _CREATED), follow_symlinks=False)
    return root


def _layer(root: Path) -> bytes:
    stream = io.BytesIO()
    layer.write(_LAYER, root, stream)
    return stream.getvalue()


def test_a_layer_holds_the_system_without_what_sandboxes_added(root: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(_layer(root))) as tar:
        members = {member.name: member for member in tar}
        passwd = tar.extractfile("etc/passwd")
        assert passwd is not None
        assert passwd.read() == b"root:x:0:0::/root:/bin/sh\n"
    assert list(members) == ["a", "b", "b/first", "b/second", "etc", "etc/passwd", "srv", "srv/own", "usr"]
    assert members["b/second"].islnk()
    assert members["b/second"].linkname == "b/first"
    assert members["a"].linkname == "/b"
    assert members["b/first"].mode == 0o4755
    assert {member.mtime for member in members.values()} == {_CREATED}
    assert {member.uname + member.gname for member in members.values()} == {""}


def test_a_layer_does_not_depend_on_the_order_in_which_files_were_made(root: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    with tarfile.open(fileobj=io.BytesIO(_layer(root))) as tar:
        members = tar.getmembers()
        for member in sorted(members, key=lambda member: (member.islnk(), member.name[::-1])):
            (copy / member.name).parent.mkdir(parents=True, exist_ok=True)
            tar.extract(member, copy, filter="fully_trusted")
    for member in reversed(members):
        os.utime(copy / member.name, (_CREATED, _CREATED), follow_symlinks=False)
    assert _layer(copy) == _layer(root)


def test_a_layer_refuses_what_it_cannot_carry(root: Path) -> None:
    os.mkfifo(root / "etc/pipe")
    with pytest.raises(SandboxError, match="etc/pipe"):
        _layer(root)


def test_a_layer_refuses_extended_attributes(root: Path) -> None:
    try:
        os.setxattr(root / "etc/passwd", "user.note", b"x")
    except OSError:
        pytest.skip("this file system has no extended attributes")
    with pytest.raises(SandboxError, match="etc/passwd has extended attributes"):
        _layer(root)


def _write(path: Path, *layers: bytes) -> archive.Image:
    files = []
    for number, content in enumerate(layers):
        file = path.with_name(f"{path.name}.{number}")
        file.write_bytes(content)
        files.append(archive.LayerFile(file, archive.sha256(content), f"layer {number}"))
    image = archive.describe(_IMAGE, "armhf", _CREATED, files)
    archive.write(path, [image], _CREATED)
    return image


def _blobs(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]


def test_every_blob_is_where_its_descriptor_says(tmp_path: Path) -> None:
    written = _write(tmp_path / "image.tar", b"lower" * 1000, b"upper")
    blobs = _blobs(tmp_path / "image.tar")

    def read(descriptor: dict[str, Any]) -> bytes:
        content = blobs[f"blobs/{descriptor['digest'].replace(':', '/')}"]
        assert descriptor["digest"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
        assert descriptor["size"] == len(content)
        return content

    index = json.loads(blobs["index.json"])
    assert json.loads(blobs["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
    assert {entry["digest"] for entry in index["manifests"]} == {written.digest}
    manifest = json.loads(read(index["manifests"][0]))
    config = json.loads(read(manifest["config"]))
    assert [read(layer) for layer in manifest["layers"]] == [b"lower" * 1000, b"upper"]
    assert config["rootfs"]["diff_ids"] == [layer["digest"] for layer in manifest["layers"]]
    assert [entry["created_by"] for entry in config["history"]] == ["layer 0", "layer 1"]
    assert config["architecture"] == "arm"
    assert config["created"] == "2023-11-14T22:13:20Z"
    assert config["config"]["Cmd"] == ["sh", "-c", "true"]
    assert config["config"]["Entrypoint"] == ["env"]


def test_an_archive_gives_all_names_in_full(tmp_path: Path) -> None:
    written = _write(tmp_path / "image.tar", b"layer")
    index = json.loads(_blobs(tmp_path / "image.tar")["index.json"])
    names = tuple(entry["annotations"]["io.containerd.image.name"] for entry in index["manifests"])
    assert names == written.names == ("docker.io/library/small:1", "docker.io/other/small:latest")


def test_images_that_share_a_layer_carry_it_once(tmp_path: Path) -> None:
    image = _write(tmp_path / "image.tar", b"shared")
    archive.write(tmp_path / "both.tar", [image, image], _CREATED)
    with tarfile.open(tmp_path / "both.tar") as tar:
        assert [member.size for member in tar].count(len(b"shared")) == 1


def test_the_same_layer_gives_the_same_archive(tmp_path: Path) -> None:
    first = _write(tmp_path / "one.tar", b"layer")
    second = _write(tmp_path / "two.tar", b"layer")
    assert first.digest == second.digest
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()
    assert _write(tmp_path / "three.tar", b"another").digest != first.digest


def test_what_goes_through_is_digested(tmp_path: Path) -> None:
    with open(tmp_path / "file", "wb") as file:
        measured = archive.Measured(file)
        measured.write(b"one")
        measured.write(b"two")
        assert measured.tell() == 6
    assert measured.digest() == archive.sha256(b"onetwo")
    assert (tmp_path / "file").read_bytes() == b"onetwo"
