"""The compiled kernels, shared by all tests of this folder."""

from __future__ import annotations

import pytest

from . import host


@pytest.fixture(scope="session")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> host.Kernels:
    """The ref kernels, built once, with the undefined behaviour sanitizer."""
    return host.Kernels(host.build(tmp_path_factory.mktemp("kernels")))
