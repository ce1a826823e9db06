"""Targets for planning tests."""

from __future__ import annotations

import pytest

from edge.target import Target, load_target


@pytest.fixture(scope="session")
def portable() -> Target:
    """The portable kernels and no limit on memory."""
    return load_target("host")


@pytest.fixture(scope="session")
def cortex_m7() -> Target:
    """Kernels with scratch memory, and budgets."""
    return load_target("cortex-m7")
