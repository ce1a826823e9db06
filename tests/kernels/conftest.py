"""The compiled kernels, and the reproducible examples of the property tests."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

from . import host

_EXAMPLES = 60
_EXAMPLES_UNDER_ADDRESS_SANITIZER = 15


@pytest.fixture(scope="session")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> host.Kernels:
    """The ref kernels, built once, with the undefined behaviour sanitizer."""
    return host.Kernels(host.build(tmp_path_factory.mktemp("kernels")))


@pytest.fixture(autouse=True, scope="session")
def _reproducible_examples() -> None:
    pass
