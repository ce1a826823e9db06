"""Fixtures: one export that many tests look at."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.workflow.export import Exported, export
from tests.models.int8_nets import residual_net


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    out = tmp_path_factory.mktemp("export") / "net"
    return export(residual_net(), "host", out)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"
