"""Finds the Debian mirror that this machine already uses."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from grader.errors import UnavailableError
from grader.sandbox.images.recipes import SUITE

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
VARIABLE = "GRADER_DEBIAN_MIRROR"
# What decides whether and how this machine reaches its mirror at all.
_FORWARDED = ("Acquire::http::", "Acquire::https::", "Acquire::Check-", "Acquire::Retries")

_INDEX = re.compile(
    r"'(?P<site>[^' ]+)/dists/(?P<release>[^' ]+)/(?P<component>[^'/ ]+)/binary-[^'/ ]+/Packages"
)


@dataclass(frozen=True, slots=True)
class Mirror:
    """A Debian mirror and how to reach it.

    Attributes:
        uri: As in an apt source.
        options: Lines of apt configuration: proxies, retries, clocks.
    """

    uri: str
    options: tuple[str, ...] = ()

    def source(self) -> str:
        """Return the mirror as a line of sources.list."""
        return f"deb [signed-by={KEYRING}] {self.uri} {SUITE} main"


@dataclass(frozen=True, slots=True)
class Target:
    """One package index of apt's configuration; origin and label are empty until apt has fetched it."""

    site: str
    release: str
    component: str
    origin: str
    label: str


def find(environment: Mapping[str, str] = os.environ) -> Mirror:
    """Return the mirror named by ``GRADER_DEBIAN_MIRROR``, or else the first one in apt's sources.

    Raises:
        UnavailableError: There is none, or its signatures cannot be verified.
    """
    if not KEYRING.exists():
        raise UnavailableError(f"{KEYRING} is missing", "apt-get install debian-archive-keyring")
    uri = environment.get(VARIABLE) or choose(_targets(), debian=_is_debian())
    if not uri:
        raise UnavailableError(
            "apt's sources name no Debian mirror", f"{VARIABLE}=http://… (a Debian mirror that has {SUITE})"
        )
    return Mirror(uri, tuple(_options()))


def choose(targets: Iterator[Target], *, debian: bool) -> str:
    """Return the site of Debian's main archive among `targets`, or an empty string.

    Args:
        targets: Package indexes of this machine's apt.
        debian: Whether this machine runs Debian; indexes of unknown origin count as Debian's then.
    """
    for target in targets:
        known = (target.origin, target.label) == ("Debian", "Debian")
        likely = debian and not target.origin and not target.release.endswith("-security")
        if target.component == "main" and (known or likely):
            return target.site
    return ""


def _targets() -> Iterator[Target]:
    fields = "\t".join(f"$({name})" for name in ("REPO_URI", "RELEASE", "COMPONENT", "ORIGIN", "LABEL"))
    for line in _apt("apt-get", "indextargets", "--format", fields, "Created-By: Packages"):
        # apt leaves a field that it does not know as it stands in the format.
        site, *rest = ("" if value.startswith("$(") else value for value in line.split("\t"))
        yield Target(site.rstrip("/"), *rest)
    # Before its first update, as in a fresh container, apt knows only where it would look.
    for line in _apt("apt-get", "update", "--print-uris"):
        if found := _INDEX.match(line):
            yield Target(found["site"], found["release"], found["component"], "", "")


def _options() -> Iterator[str]:
    for line in _apt("apt-config", "dump"):
        if line.startswith(_FORWARDED) and not line.endswith('"";'):
            yield line


def _apt(*command: str) -> list[str]:
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    except (OSError, subprocess.SubprocessError) as error:
        raise UnavailableError(
            f"apt's configuration cannot be read: {error}", "apt-get install apt"
        ) from error
    return answer.stdout.splitlines()


def _is_debian() -> bool:
    try:
        return platform.freedesktop_os_release().get("ID") == "debian"
    except OSError:
        return False
