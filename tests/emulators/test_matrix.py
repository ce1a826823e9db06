"""Networks from torch give the numpy reference's bits on every target."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from edge.ir import Graph
from edge.target import targets
from tests.emulators.installed import need

torch = pytest.importorskip("torch", reason="needs pip install 'edge-nn[torch]'")

from tests.bench.matrix import Cell, markdown, run_cell  # noqa: E402
from tests.models.zoo import SMALL, Network  # noqa: E402

NETWORKS = [network for network in SMALL if network.exists]


@cache
def graph_of(network: Network) -> Graph:
    torch.set_num_threads(1)
    return network.graph()


@pytest.mark.slow
@pytest.mark.parametrize("target", targets())
@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_every_output_equals_the_reference(tmp_path: Path, network: Network, target: str) -> None:
    need(target, "zig")
    cell = run_cell(network.name, graph_of(network), target, tmp_path / "net", count=False)
    assert cell.lacks == "", cell.why
    assert cell.mismatches == 0


def test_too_little_memory_is_named(tmp_path: Path) -> None:
    network = NETWORKS[1]
    cell = run_cell(network.name, graph_of(network), "cortex-m7", tmp_path / "net", sram="16K")
    assert cell.text == "no: RAM"
    assert "cortex-m7 has 16,384 B" in cell.why
    assert not (tmp_path / "net").exists()


def test_the_table_has_a_row_a_network() -> None:
    cells = [Cell("a", "host", 0), Cell("a", "m7", 0, 5_250_000), Cell("b", "host", 3)]
    cells.append(Cell("b", "m7", lacks="flash"))
    assert markdown(cells).splitlines() == [
        "| network | host | m7 |",
        "| --- | ---: | ---: |",
        "| a | ok | 5.25 |",
        "| b | 3 WRONG | no: flash |",
    ]
