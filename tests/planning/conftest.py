"""Targets for planning tests."""

from __future__ import annotations

from dataclasses import dataclass

import pytest


@dataclass(frozen=True)
class Region:
    length: int


@dataclass(frozen=True)
class Target:
    name: str
    kernels: tuple[str, ...]
    sram: Region | None = None
    flash: Region | None = None
    stack: int = 1024


@pytest.fixture
def portable() -> Target:
    """A target with the portable kernels only and no limit on memory."""
    return Target("portable", ("ref",))
