"""The kinds of packages there are. Light: the command line reads it for its help."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from edge.errors import fail


class Support(StrEnum):
    """How far the tests of this repository can check a kind."""

    BUILT = "built by its own tool"
    CHECKED = "manifest checked, sources compiled"
    UNCHECKED = "not checked"


@dataclass(frozen=True)
class Kind:
    """An ecosystem's form of an exported model."""

    summary: str
    support: Support


KINDS: Mapping[str, Kind] = {
    "npm": Kind("an ES module with WebAssembly for browsers and Node", Support.BUILT),
    "cmake": Kind("a CMake package, with firmware that runs in QEMU", Support.BUILT),
    "zephyr": Kind("a Zephyr module", Support.CHECKED),
    "arduino": Kind("an Arduino library", Support.CHECKED),
    "platformio": Kind("a PlatformIO library", Support.CHECKED),
    "espidf": Kind("a component for ESP-IDF", Support.CHECKED),
    "android": Kind("a Gradle library module and an AAR", Support.CHECKED),
    "all-mcu": Kind("one source tree for all kinds for microcontrollers", Support.CHECKED),
}


def checked_kinds(names: Sequence[str]) -> tuple[str, ...]:
    """The names, each once. Raises EdgeError E0051 for a kind that does not exist."""
    for name in names:
        if name not in KINDS:
            raise fail("E0051", f"unknown kind of package {name!r}", help=[", ".join(KINDS)])
    return tuple(dict.fromkeys(names))
