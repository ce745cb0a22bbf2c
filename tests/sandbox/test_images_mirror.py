"""The mirror is the one that this machine's own apt uses."""

from pathlib import Path

import pytest

from grader.errors import UnavailableError
from grader.sandbox.images import mirror
from grader.sandbox.images.mirror import Target, choose

_SITE = "http://mirror.test/debian"
_DEBIAN = Target(_SITE, "bookworm", "main", "Debian", "Debian")
_SECURITY = Target(
    "http://mirror.test/debian-security", "bookworm-security", "main", "Debian", "Debian-Security"
)
_CONTRIB = Target("http://mirror.test/other", "bookworm", "contrib", "Debian", "Debian")
_UBUNTU = Target("http://ubuntu.test/ubuntu", "noble", "main", "Ubuntu", "Ubuntu")
_UNFETCHED = Target(_SITE, "bookworm", "main", "", "")
_UNFETCHED_SECURITY = Target("http://mirror.test/debian-security", "bookworm-security", "main", "", "")


@pytest.mark.parametrize(
    ("targets", "debian", "expected"),
    [
        ((_SECURITY, _CONTRIB, _DEBIAN), True, _SITE),
        ((_UBUNTU, _DEBIAN), False, _SITE),
        ((_UNFETCHED_SECURITY, _UNFETCHED), True, _SITE),
        ((_UNFETCHED,), False, ""),
        ((_UBUNTU,), False, ""),
        ((_UBUNTU,), True, ""),
        ((), True, ""),
    ],
)
def test_only_debians_main_archive_is_chosen(
    targets: tuple[Target, ...], debian: bool, expected: str
) -> None:
    assert choose(iter(targets), debian=debian) == expected


@pytest.fixture
def apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give apt a configuration of the test's own and return its list of sources."""
    sources = tmp_path / "sources.list"
    sources.write_text("")
    configuration = tmp_path / "apt.conf"
    configuration.write_text(
        f'Dir::Etc::sourcelist "{sources}"; Dir::Etc::sourceparts "/dev/null"; Dir::State "{tmp_path}";'
        'Acquire::http::Proxy "http://proxy.test:3142"; Acquire::Retries "2";'
    )
    monkeypatch.setenv("APT_CONFIG", str(configuration))
    return sources


def test_a_machine_without_a_debian_mirror_is_told_what_to_set(apt: Path) -> None:
    with pytest.raises(UnavailableError) as caught:
        mirror.find({})
    assert caught.value.mend.startswith("GRADER_DEBIAN_MIRROR=")


def test_apts_sources_and_proxies_are_used_even_before_apt_has_fetched_anything(apt: Path) -> None:
    apt.write_text(f"deb {_SITE}-security bookworm-security main\ndeb {_SITE} bookworm main\n")
    found = mirror.find({})
    assert found.uri == _SITE
    assert 'Acquire::http::Proxy "http://proxy.test:3142";' in found.options
    assert 'Acquire::Retries "2";' in found.options


def test_the_environment_comes_first(apt: Path) -> None:
    apt.write_text(f"deb {_SITE} bookworm main\n")
    found = mirror.find({"GRADER_DEBIAN_MIRROR": "file:///srv/debian"})
    assert found.uri == "file:///srv/debian"
    assert found.source().endswith(" file:///srv/debian trixie main")
    assert found.source().startswith(f"deb [signed-by={mirror.KEYRING}] ")


def test_this_machines_own_apt_is_asked() -> None:
    try:
        found = mirror.find({})
    except UnavailableError as error:
        pytest.skip(str(error))
    assert ":/" in found.uri
