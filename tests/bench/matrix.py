"""Every network on every target: whether it fits, whether each output bit is right, what it takes.

    python -m tests.bench.matrix [--target cortex-m7 ...] [--only NAME ...] [--small] [--json]

Networks come from torch with seeded weights and are quantized by Edge. A cell has the instructions
of one inference (fuel, for WebAssembly; none on the host), or what the target lacks. All outputs
of two inputs are compared with the numpy reference.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import edge
from edge.errors import EdgeError
from edge.ir import Graph
from edge.target import targets
from edge.workflow.project import open_project
from edge.workflow.workbench import Workbench

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # found from any folder

from tests.models.zoo import LARGE, SMALL, Network

SAMPLES = 2
_LACKS = {"E0301": "RAM", "E0302": "flash", "E0310": "memory"}


@dataclass(frozen=True)
class Cell:
    """A network on a target: arena and estimated flash are bytes.

    `lacks` says what the target has too little of, `why` how much; all else is None then.
    """

    network: str
    target: str
    mismatches: int | None = None
    instructions: int | None = None
    arena: int | None = None
    flash: int | None = None
    lacks: str = ""
    why: str = ""

    @property
    def text(self) -> str:
        """What stands in the table: millions of instructions, or what is missing."""
        if self.lacks:
            return f"no: {self.lacks}"
        if self.mismatches:
            return f"{self.mismatches} WRONG"
        if self.instructions is None:
            return "ok"
        millions = self.instructions / 1e6
        return f"{millions:,.0f}" if millions >= 100 else f"{millions:.3g}"


def run_cell(
    network: str, graph: Graph, target: str, out: Path, *, count: bool = True, **settings: Any
) -> Cell:
    """Export into `out` with the settings of edge.export, verify, and count one inference.

    Raises EdgeError for anything but a target with too little memory.
    """
    try:
        memory = edge.export(graph, target, out, progress=False, **settings).memory
        verified = edge.verify(out, samples=SAMPLES)
    except EdgeError as error:
        lacks = [_LACKS.get(found.code, "") for found in error.diagnostics]
        if not all(lacks):
            raise
        why = "; ".join(found.title for found in error.diagnostics)
        return Cell(network, target, lacks=" and ".join(lacks), why=why)
    instructions = _instructions(out) if count else None
    return Cell(
        network, target, verified.mismatches, instructions, memory["arena"], memory["flash_needed"]
    )


def _instructions(out: Path) -> int | None:
    """Of the first stored vector; the host's runner has only times."""
    bench = Workbench(open_project(out))
    inputs = [port[:1] for port in bench.project.stored_inputs()]
    return bench.run(bench.program(), inputs, count=True).instructions


def measure(networks: Iterable[Network], names: Sequence[str]) -> list[Cell]:
    """The cells of all networks that exist, network by network."""
    cells = []
    for network in networks:
        if not network.exists:
            print(f"{network.name}: there is no tests/models/{network.module}.py", file=sys.stderr)
            continue
        graph = network.graph()
        for target in names:
            with tempfile.TemporaryDirectory() as folder:
                cells.append(run_cell(network.name, graph, target, Path(folder) / "net"))
    return cells


def markdown(cells: Sequence[Cell]) -> str:
    """The table of the README, a row a network."""
    names = list(dict.fromkeys(cell.target for cell in cells))
    rows = [["network", *names], ["---", *["---:"] * len(names)]]
    rows += [
        [network, *(cell.text for cell in cells if cell.network == network)]
        for network in dict.fromkeys(cell.network for cell in cells)
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def main() -> None:
    """Print the table as Markdown, or one JSON object; exit status 1 if any output differs."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--target", nargs="+", default=targets(), help="all by default")
    parser.add_argument("--only", nargs="+", default=[], help="modules of tests/models")
    parser.add_argument("--small", action="store_true", help="leave out the published sizes")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    networks = SMALL if arguments.small else (*SMALL, *LARGE)
    wanted = [n for n in networks if not arguments.only or n.module in arguments.only]
    cells = measure(wanted, arguments.target)
    print(json.dumps({"cells": [asdict(c) for c in cells]}) if arguments.json else markdown(cells))
    sys.exit(any(cell.mismatches for cell in cells))


if __name__ == "__main__":
    main()
