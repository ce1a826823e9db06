"""Portable float kernels without a vector form equal the numpy reference in every bit."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from edge.ir import Graph, Rounding
from edge.target import load_target
from tests.emulators import wasm_module
from tests.emulators.dsp_firmware import Case, run_cases
from tests.kernels.float_cases import GATES, KINDS, floats, pair, recurrent, weighted

Random = np.random.Generator


def case(name: str, graph: Graph, kernel: str, rng: Random, kind: str) -> Case:
    inputs = tuple(floats(rng, graph.type(x).shape, kind) for x in graph.inputs)
    return Case(f"{name} {kind}", graph, kernel, inputs)


def in_both_arithmetics(found: Case) -> Iterator[Case]:
    yield found
    graph = replace(found.graph, rounding=Rounding.FLOAT_FUSED)
    kernel = found.kernel.replace("_f32", "_fused_f32")
    yield replace(found, name=f"{found.name} fused", graph=graph, kernel=kernel)


def recurrent_layers(rng: Random) -> Iterator[Case]:
    for op, initial, kind in product(GATES, (False, True), KINDS):
        graph = recurrent(op, (3, 5, 4), rng, initial=initial, kind=kind)
        name = f"{op} {initial}"
        yield from in_both_arithmetics(case(name, graph, f"ref/{op}_f32", rng, kind))


def transposed_convolutions(rng: Random) -> Iterator[Case]:
    for (kernel, stride), kind in product((((3, 3), (2, 2)), ((2, 1), (3, 2))), KINDS):
        extra = tuple(s - 1 for s in stride)
        attrs = {"stride": stride, "padding": (1, 0, 0, 0), "output_padding": extra}
        weight = floats(rng, (2, *kernel, 3), kind)
        graph = weighted("conv_transpose2d", (1, 3, 4, 3), weight, rng, attrs, kind)
        found = case(f"{kernel} {stride}", graph, "ref/conv_transpose2d_f32", rng, kind)
        yield from in_both_arithmetics(found)


def broadcasts(rng: Random) -> Iterator[Case]:
    for op, kind in product(("add", "sub", "mul"), KINDS):
        kernel = "ref/mul_broadcast_f32" if op == "mul" else "ref/add_broadcast_f32"
        graph = pair(op, (2, 1, 3, 1), (1, 4, 3, 2), {"activation": "relu6"})
        yield case(op, graph, kernel, rng, kind)


@cache
def all_cases() -> list[Case]:
    rng = np.random.default_rng(7)
    topics = (recurrent_layers, transposed_convolutions, broadcasts)
    return [found for topic in topics for found in topic(rng)]


@pytest.mark.parametrize("target", ["aarch64", "cortex-m7"])
def test_every_bit_equals_the_reference(target: str, tmp_path: Path) -> None:
    emulator = load_target(target).emulator
    if not shutil.which(emulator):
        pytest.skip(f"{emulator} is missing: apt-get install qemu-user qemu-system-arm")
    assert run_cases(all_cases(), target, "zig", tmp_path).failed == []


def test_every_bit_equals_the_reference_in_wasm(tmp_path: Path) -> None:
    pytest.importorskip("wasmtime", reason="pip install wasmtime")
    assert wasm_module.failures(all_cases(), tmp_path) == []


def test_the_planner_accepts_every_case() -> None:
    refused = [c.name for c in all_cases() if not c.chosen.accepts(c.graph, c.graph.nodes[0])]
    assert refused == []
