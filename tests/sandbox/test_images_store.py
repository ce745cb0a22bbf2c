"""The store: complete or not at all, made once, replaced in one step."""

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from grader.errors import SandboxError, UnavailableError
from grader.sandbox import images
from grader.sandbox.images import offered, recipes, store
from grader.sandbox.images.digest import digest
from grader.sandbox.images.store import Manifest
from grader.settings import Settings

_RECIPE = digest("recipe")
_NEWER = digest("newer recipe")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(state_dir=tmp_path / "state", run_dir=tmp_path / "run")
    with store.locked(settings, lambda: None):
        pass  # makes the store's directory
    return settings


class _Maker:
    """Makes a directory with one file, and counts how often."""

    def __init__(self, recipe: str = _RECIPE, content: str = "content") -> None:
        self.recipe, self.content, self.calls = recipe, content, 0

    def __call__(self, directory: Path) -> Manifest:
        self.calls += 1
        (directory / "file").write_text(self.content)
        return Manifest("thing", self.recipe, f"sha256:{digest(self.recipe, self.content)}")


def _file(settings: Settings, recipe: str = _RECIPE) -> str:
    return (store.place(settings, "thing", recipe) / "file").read_text()


def test_what_is_there_is_not_made_again(settings: Settings) -> None:
    maker = _Maker()
    first = store.ensure(settings, "thing", _RECIPE, maker)
    assert store.ensure(settings, "thing", _RECIPE, maker) == first
    assert maker.calls == 1
    assert first.size_bytes == len("content")
    assert store.read_all(settings) == [first]


def test_what_was_never_built_says_what_to_type(settings: Settings) -> None:
    with pytest.raises(UnavailableError) as caught:
        store.place(settings, "thing", _RECIPE)
    assert caught.value.mend == "grader images build"


def test_a_root_file_system_that_is_missing_says_what_to_type(settings: Settings) -> None:
    with pytest.raises(UnavailableError) as caught:
        images.rootfs(settings, "base")
    assert caught.value.mend == "grader images build"
    with pytest.raises(UnavailableError, match="unheard-of"):
        images.rootfs(settings, "unheard-of")
    with pytest.raises(UnavailableError):
        images.golden(settings)


def test_another_recipe_replaces_what_was_there(settings: Settings) -> None:
    store.ensure(settings, "thing", _RECIPE, _Maker())
    with pytest.raises(UnavailableError, match="older recipe"):
        store.place(settings, "thing", _NEWER)
    store.ensure(settings, "thing", _NEWER, _Maker(_NEWER, "newer"))
    assert _file(settings, _NEWER) == "newer"
    versions = [path.name for path in store.folder(settings).glob("thing.*")]
    assert len(versions) == 1


def test_a_failure_leaves_nothing_and_keeps_what_was_there(settings: Settings) -> None:
    store.ensure(settings, "thing", _RECIPE, _Maker())

    def fail(directory: Path) -> Manifest:
        (directory / "half").write_text("made")
        raise SandboxError("no mirror")

    with pytest.raises(SandboxError, match="no mirror"):
        store.ensure(settings, "thing", _NEWER, fail)
    assert _file(settings) == "content"
    assert not list(store.folder(settings).rglob("half"))


def test_what_a_killed_build_left_is_not_taken_for_a_result(settings: Settings) -> None:
    partial = store.folder(settings) / ".thing"
    partial.mkdir()
    (partial / "half").write_text("made")
    store.ensure(settings, "thing", _RECIPE, _Maker())
    assert _file(settings) == "content"
    assert not list(store.folder(settings).rglob("half"))


def test_a_damaged_manifest_is_made_again(settings: Settings) -> None:
    maker = _Maker()
    store.ensure(settings, "thing", _RECIPE, maker)
    (store.place(settings, "thing", _RECIPE) / "manifest.json").write_text("{")
    with pytest.raises(UnavailableError, match="damaged"):
        store.read(settings, "thing", _RECIPE)
    store.ensure(settings, "thing", _RECIPE, maker)
    assert maker.calls == 2
    assert store.read(settings, "thing", _RECIPE).name == "thing"


def test_two_builds_at_once_make_it_once(settings: Settings) -> None:
    maker = _Maker()
    inside, waited = threading.Event(), threading.Event()

    def slow(directory: Path) -> Manifest:
        inside.set()
        assert waited.wait(10)
        return maker(directory)

    def first() -> None:
        with store.locked(settings, lambda: None):
            store.ensure(settings, "thing", _RECIPE, slow)

    thread = threading.Thread(target=first)
    thread.start()
    assert inside.wait(10)
    with store.locked(settings, waited.set):
        store.ensure(settings, "thing", _RECIPE, maker)
    thread.join()
    assert maker.calls == 1


def test_the_lock_outlives_its_holder_in_the_processes_that_still_write(settings: Settings) -> None:
    with store.locked(settings, lambda: None) as lock:
        writer = subprocess.Popen(["sleep", "60"], pass_fds=(lock,))
    waited = threading.Event()

    def second() -> None:
        with store.locked(settings, waited.set):
            pass

    thread = threading.Thread(target=second)
    thread.start()
    assert waited.wait(10)
    writer.kill()
    writer.wait()
    thread.join(10)
    assert not thread.is_alive()


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_a_version_that_a_sandbox_has_mounted_is_kept_until_it_ends(settings: Settings) -> None:
    store.ensure(settings, "thing", _RECIPE, _Maker())
    version = store.place(settings, "thing", _RECIPE)
    script = f"mount --bind {version} /mnt && echo mounted && read end"
    sandbox = subprocess.Popen(
        ["unshare", "--mount", "sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with sandbox:
        assert sandbox.stdout is not None
        assert sandbox.stdout.readline() == b"mounted\n"
        store.ensure(settings, "thing", _NEWER, _Maker(_NEWER))
        assert (version / "file").exists()
    store.ensure(settings, "thing", _NEWER, _Maker(_NEWER))
    assert len(list(store.folder(settings).glob("thing.*"))) == 1


def test_a_clone_shares_files_but_not_the_lock(settings: Settings, tmp_path: Path) -> None:
    store.ensure(settings, "thing", _RECIPE, _Maker())
    copy = Settings(state_dir=tmp_path / "copy", run_dir=tmp_path / "run")
    store.clone(settings, copy)
    assert _file(copy) == "content"
    original = store.place(settings, "thing", _RECIPE) / "file"
    assert os.path.samefile(original, store.place(copy, "thing", _RECIPE) / "file")
    with store.locked(settings, lambda: None), store.locked(copy, lambda: pytest.fail("one lock for both")):
        store.ensure(copy, "thing", _NEWER, _Maker(_NEWER))
    assert _file(settings) == "content"


def test_finding_a_root_file_system_takes_less_than_a_tenth_of_a_millisecond(settings: Settings) -> None:
    recipe = recipes.BASE.digest()

    def make(directory: Path) -> Manifest:
        (directory / "root").mkdir()
        return Manifest("rootfs-base", recipe, "sha256:0123456789abcdef")

    store.ensure(settings, "rootfs-base", recipe, make)
    code = (
        "import sys, timeit; from pathlib import Path; from grader.settings import Settings;"
        "from grader.sandbox import images; settings = Settings(state_dir=Path(sys.argv[1]));"
        "images.rootfs(settings, 'base');"
        "print(min(timeit.repeat(lambda: images.rootfs(settings, 'base'), number=100, repeat=5)) / 100)"
    )
    seconds = subprocess.check_output([sys.executable, "-c", code, str(settings.state_dir)], text=True)
    assert float(seconds) < 1e-4


def test_recipes_are_known_by_their_content() -> None:
    known = {recipe.digest() for recipe in (*recipes.ROOTS, *offered.IMAGES)}
    assert len(known) == len(recipes.ROOTS) + len(offered.IMAGES)
    assert len({recipes.layer_digest(layer) for layer in offered.layers()}) == len(offered.layers())
    assert len({recipe.name for recipe in recipes.ROOTS}) == len(recipes.ROOTS)
    names = [name for recipe in offered.IMAGES for name in recipe.names]
    assert len(set(names)) == len(names)


def test_compiled_code_changes_no_recipe(tmp_path: Path) -> None:
    shutil.copytree(Path(images.__file__).parents[2], tmp_path / "grader")
    code = "from grader.sandbox.images import offered; print([image.digest() for image in offered.IMAGES])"
    command = [sys.executable, "-c", code]
    before = subprocess.check_output(command, cwd=tmp_path)
    subprocess.check_call([sys.executable, "-m", "compileall", "-q", "grader"], cwd=tmp_path)
    assert list((tmp_path / "grader/sandbox/images/files").rglob("*.pyc"))
    assert subprocess.check_output(command, cwd=tmp_path) == before
