"""Fits the planner's cost coefficients on counts, and says where the planner chose badly.

    python -m tests.bench.fit_costs --target cortex-m7 [--toolchain zig] [--only dsp]
        [--block 4x8] [--json]

Every kernel of the target's folders runs on every layer of a grid that it accepts, in the target's
emulator, and is checked against the numpy reference and counted: instructions under QEMU, fuel
under wasmtime. The quantities are those of each kernel's `cost` (edge/planning/costs.py); the
coefficients are fitted by least squares of relative errors, none negative. Printed: present and
fitted coefficients with the errors of both, and the layers for which the planner's kernel took
more instructions than another. With --block the layers of the grid lack blocks of that size, which
sparse kernels leave out.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge.cli.tables import print_table
from edge.ir import Graph
from edge.planning.choice import kernels_in
from edge.planning.costs import Cost
from edge.planning.kernels import Kernel
from edge.target import Target, load_target

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # found from any folder

from tests.bench.layer_grid import layers, sparse_layers
from tests.emulators import wasm_module
from tests.emulators.dsp_firmware import Case, run_cases
from tests.emulators.dsp_graphs import random_input

_IN_ONE_IMAGE = 60
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Count:
    """A kernel on a layer, and the instructions that it took."""

    kernel: Kernel
    layer: str
    graph: Graph
    instructions: int

    @property
    def quantities(self) -> list[float]:
        """What the kernel's cost multiplies its coefficients with."""
        node = self.graph.nodes[0]
        assert isinstance(self.kernel.cost, Cost)
        return [float(quantity(self.graph, node)) for _, quantity in self.kernel.cost.terms]


Block = tuple[int, int]


def measure(
    target: Target, toolchain: str, only: str = "", block: Block | None = None
) -> list[Count]:
    """The counts of all kernels of the target's folders, or of one folder."""
    pairs = list(_cases(target, only, block))
    counts = []
    for start in range(0, len(pairs), _IN_ONE_IMAGE):
        batch = pairs[start : start + _IN_ONE_IMAGE]
        taken = _run([case for _, case in batch], target, toolchain)
        counts += [
            Count(kernel, case.name.partition(", ")[2], case.graph, instructions)
            for (kernel, case), instructions in zip(batch, taken, strict=True)
        ]
    return counts


def _cases(target: Target, only: str, block: Block | None) -> Iterator[tuple[Kernel, Case]]:
    rng = np.random.default_rng(0)
    kernels = [
        kernel
        for kernel in kernels_in(target.kernels)
        if isinstance(kernel.cost, Cost) and kernel.name.startswith(only)
    ]
    for name, graph in layers(rng) if block is None else sparse_layers(rng, block):
        node = graph.nodes[0]
        inputs = tuple(random_input(graph, rng, i) for i in range(len(graph.inputs)))
        for kernel in kernels:
            if kernel.op == node.op and kernel.accepts(graph, node):
                yield kernel, Case(f"{kernel.name}, {name}", graph, kernel.name, inputs)


def _run(cases: Sequence[Case], target: Target, toolchain: str) -> list[int]:
    with tempfile.TemporaryDirectory() as folder:
        if target.emulator == "wasmtime":
            return wasm_module.fuel(cases, Path(folder), toolchain)
        outcome = run_cases(cases, target.name, toolchain, Path(folder), count=True)
    if outcome.failed:
        sys.exit(f"wrong: {', '.join(outcome.failed)}")
    return outcome.instructions


@dataclass(frozen=True)
class Fit:
    """Present and fitted coefficients by quantity, of the kernels that share a cost.

    Errors are relative.
    """

    kernels: tuple[str, ...]
    layers: int
    quantities: tuple[str, ...]
    present: tuple[float, ...]
    fitted: tuple[float, ...]
    present_error: tuple[float, float]
    fitted_error: tuple[float, float]


def fit(counts: Sequence[Count]) -> Fit:
    """The coefficients of kernels that share a cost. Errors: median and largest."""
    cost = counts[0].kernel.cost
    assert isinstance(cost, Cost)
    quantities = np.array([count.quantities for count in counts])
    taken = np.array([count.instructions for count in counts], np.float64)
    fitted = non_negative(quantities / taken[:, None], np.ones(len(taken)))
    present = tuple(float(factor) for factor, _ in cost.terms)
    return Fit(
        tuple(dict.fromkeys(f"{c.kernel.name} ({c.kernel.op})" for c in counts)),
        len(counts),
        tuple(quantity.__name__.strip("_") for _, quantity in cost.terms),
        present,
        tuple(float(f"{factor:.3g}") for factor in fitted),
        _errors(quantities @ np.array(present), taken),
        _errors(quantities @ fitted, taken),
    )


def non_negative(matrix: Floats, wanted: Floats) -> Floats:
    """x >= 0 with a small |matrix x - wanted|: the most negative coefficient leaves, again and
    again."""
    used = list(range(matrix.shape[1]))
    while used:
        found = np.linalg.lstsq(matrix[:, used], wanted, rcond=None)[0]
        if found.min() >= 0:
            break
        used.pop(int(found.argmin()))
    solution = np.zeros(matrix.shape[1])
    solution[used] = found if used else []
    return solution


def _errors(predicted: Floats, taken: Floats) -> tuple[float, float]:
    errors = np.abs(predicted - taken) / taken
    return round(float(np.median(errors)), 4), round(float(errors.max()), 4)


def with_costs(kernel: Kernel, fitted: Fit) -> Kernel:
    """The kernel with fitted coefficients."""
    assert isinstance(kernel.cost, Cost)
    quantities = [quantity for _, quantity in kernel.cost.terms]
    return replace(kernel, cost=Cost(tuple(zip(fitted.fitted, quantities, strict=True))))


@dataclass(frozen=True)
class Mistake:
    """A layer for which another kernel took fewer instructions than the cheapest by cost."""

    layer: str
    chosen: str
    best: str
    excess: float


def mistakes(counts: Sequence[Count], kernels: Sequence[Kernel]) -> list[Mistake]:
    """Of the planner that had these costs; kernels[i] ran counts[i]."""
    by_layer: dict[str, list[tuple[int, int, str]]] = {}
    for count, kernel in zip(counts, kernels, strict=True):
        cost = kernel.cost(count.graph, count.graph.nodes[0])
        by_layer.setdefault(count.layer, []).append((cost, count.instructions, kernel.name))
    found = []
    for layer, rows in by_layer.items():
        _, taken, chosen = min(rows, key=lambda row: row[0])
        _, least, best = min(rows, key=lambda row: row[1])
        if taken > least:
            found.append(Mistake(layer, chosen, best, round(taken / least - 1, 4)))
    return found


def report(
    target: str, toolchain: str, only: str = "", block: Block | None = None
) -> dict[str, Any]:
    """Fits and mistakes as plain data."""
    counts = measure(load_target(target), toolchain, only, block)
    sharing: dict[int, list[Count]] = {}
    for count in counts:
        sharing.setdefault(id(count.kernel.cost), []).append(count)
    fits = {key: fit(rows) for key, rows in sharing.items()}
    fitted = [with_costs(count.kernel, fits[id(count.kernel.cost)]) for count in counts]
    return {
        "target": target,
        "toolchain": toolchain,
        "counts": len(counts),
        "fits": [vars(row) for row in fits.values()],
        "mistakes": [vars(row) for row in mistakes(counts, [c.kernel for c in counts])],
        "mistakes_if_fitted": [vars(row) for row in mistakes(counts, fitted)],
    }


def _block(text: str) -> Block:
    height, width = text.split("x")
    return int(height), int(width)


def main() -> None:
    """Print the tables, or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--target", default="cortex-m7")
    parser.add_argument("--toolchain", default="zig")
    parser.add_argument("--only", default="", help="kernels whose names start so: a folder")
    parser.add_argument("--block", type=_block, help="of which layers lack some, such as 4x8")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = report(arguments.target, arguments.toolchain, arguments.only, arguments.block)
    if arguments.json:
        print(json.dumps(found))
        return
    for row in found["fits"]:
        _print_fit(row)
    columns = ("layer", "the planner's kernel", "cheapest", "excess")
    for title in ("mistakes", "mistakes_if_fitted"):
        print(f"{title.replace('_', ' ')}: {len(found[title])}")
        if found[title]:
            print_table(columns, [tuple(row.values()) for row in found[title]])


def _print_fit(row: dict[str, Any]) -> None:
    present, fitted = (
        " + ".join(
            f"{factor:g} {name}" for factor, name in zip(row[key], row["quantities"], strict=True)
        )
        for key in ("present", "fitted")
    )
    print(f"{', '.join(row['kernels'])}: {row['layers']} layers")
    for title, text in (("present", present), ("fitted", fitted)):
        median, largest = row[f"{title}_error"]
        print(f"  {title:8} {text}: off by {median:.1%} (median), {largest:.1%} (most)")


if __name__ == "__main__":
    main()
