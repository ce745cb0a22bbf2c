"""What layers add up to."""

import time

from hypothesis import given
from hypothesis import strategies as st

from grader.evidence import Image, ImageConfig, Layer, LayerFile
from grader.image_files import deleted, merge, present, wasted_bytes

CONFIG = ImageConfig(None, None, {}, "", "", {}, (), (), "", None)


def entry(path: str, kind: str = "file", size: int = 0, target: str = "") -> LayerFile:
    return LayerFile(path, kind, size, 0o644, 0, 0, target)  # type: ignore[arg-type]


def layer(
    *files: LayerFile, gone: tuple[str, ...] = (), opaque: tuple[str, ...] = (), base: bool = False
) -> Layer:
    return Layer("", sum(file.size for file in files), base, files, gone, opaque, {})


def image(*layers: Layer) -> Image:
    return Image("", (), CONFIG, (), layers)


def test_a_later_layer_replaces() -> None:
    found = image(layer(entry("/a", size=3)), layer(entry("/a", size=5)))
    assert merge(found) == {"/a": entry("/a", size=5)}
    assert wasted_bytes(found) == 3


def test_a_whiteout_deletes_with_everything_below() -> None:
    found = image(
        layer(entry("/d", "directory"), entry("/d/a", size=3), entry("/da", size=1)), layer(gone=("/d",))
    )
    assert list(merge(found)) == ["/da"]
    assert wasted_bytes(found) == 3
    assert deleted(found, "/d/a")
    assert not present(found, "/d/a")


def test_a_whiteout_does_not_touch_its_own_layer() -> None:
    found = image(layer(entry("/d/a", size=3)), layer(entry("/d/b", size=4), gone=("/d",)))
    assert list(merge(found)) == ["/d/b"]
    assert wasted_bytes(found) == 3


def test_an_opaque_directory_hides_what_was_in_it() -> None:
    found = image(
        layer(entry("/d/a", size=3)), layer(entry("/d", "directory"), entry("/d/b"), opaque=("/d",))
    )
    assert list(merge(found)) == ["/d", "/d/b"]
    assert deleted(found, "/d/a")


def test_an_opaque_root_hides_everything() -> None:
    assert list(merge(image(layer(entry("/a")), layer(entry("/b"), opaque=("/",))))) == ["/b"]


def test_a_file_in_the_place_of_a_directory_hides_it() -> None:
    found = image(layer(entry("/d", "directory"), entry("/d/a", size=3)), layer(entry("/d", "symlink")))
    assert list(merge(found)) == ["/d"]
    assert wasted_bytes(found) == 3


def test_a_directory_again_keeps_its_content() -> None:
    found = image(layer(entry("/d", "directory"), entry("/d/a")), layer(entry("/d", "directory")))
    assert list(merge(found)) == ["/d", "/d/a"]


def test_what_comes_again_is_not_deleted() -> None:
    found = image(layer(entry("/a", size=3)), layer(gone=("/a",)), layer(entry("/a", size=4)))
    assert present(found, "a")
    assert not deleted(found, "/a")
    assert wasted_bytes(found) == 3


def test_what_a_base_image_brought_can_be_deleted_but_not_counted() -> None:
    found = image(layer(base=True), layer(gone=("/usr/bin/more",)))
    assert deleted(found, "/usr/bin/more")
    assert not deleted(found, "/usr/bin/less")
    assert wasted_bytes(found) == 0


def test_a_hard_link_keeps_its_content() -> None:
    linked = layer(entry("/a", size=3), entry("/b", "hardlink", target="a"))
    assert wasted_bytes(image(linked, layer(gone=("/a",)))) == 0
    assert wasted_bytes(image(linked, layer(gone=("/a", "/b")))) == 3


def test_large_images_take_little_time() -> None:
    files = tuple(entry(f"/{number % 50}/{number}", size=1) for number in range(5_000))
    big = image(*(layer(*files, gone=tuple(file.path for file in files)) for _ in range(20)))
    begun = time.perf_counter()
    assert wasted_bytes(big) == 19 * 5_000
    assert time.perf_counter() - begun < 5


PATHS = st.lists(st.sampled_from("ab"), min_size=1, max_size=3).map(lambda parts: "/" + "/".join(parts))
LAYERS = st.tuples(
    st.dictionaries(PATHS, st.integers(1, 9), max_size=4),
    st.sets(PATHS, max_size=2),
    st.sets(PATHS, max_size=2),
)


@given(st.lists(LAYERS, max_size=4))
def test_it_is_as_if_the_layers_were_unpacked_one_by_one(
    drawn: list[tuple[dict[str, int], set[str], set[str]]],
) -> None:
    """The answer, found from the last layer down, is that of applying them from the first layer up."""
    tree: dict[str, int] = {}
    total = 0
    layers = []
    for files, gone, opaque in drawn:
        for path in list(tree):
            hidden = any(path == name or path.startswith(f"{name}/") for name in gone)
            hidden |= any(path.startswith(f"{name}/") for name in [*opaque, *files])
            if hidden:
                del tree[path]
        tree |= files
        total += sum(files.values())
        layers.append(
            layer(
                *(entry(path, size=size) for path, size in files.items()),
                gone=tuple(gone),
                opaque=tuple(opaque),
            )
        )
    found = image(*layers)
    assert {path: file.size for path, file in merge(found).items()} == tree
    assert wasted_bytes(found) == total - sum(tree.values())
