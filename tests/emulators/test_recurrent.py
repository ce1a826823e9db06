"""Recurrent operators on the emulated targets equal the numpy reference in every byte."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import edge
from edge.ir import Graph
from edge.planning import plan
from edge.target import load_target
from tests.models import recurrent
from tests.models.recurrent import Sizes

SIZES = [Sizes(5, 10, 64), Sizes(3, 4, 5), Sizes(1, 7, 18), Sizes(2, 33, 6), Sizes(4, 5, 4)]


LAYERS = {"gru": recurrent.gru, "lstm": recurrent.lstm}


def layer(sizes: Sizes, gain: float = 1.0, op: str = "gru") -> Graph:
    return LAYERS[op](np.random.default_rng(0), sizes, gain=gain)


def kernel(graph: Graph, target: str) -> str:
    return plan(graph, load_target(target)).stages[0].steps[0].kernel


@pytest.mark.parametrize("op", LAYERS)
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_layers_on_cortex_m7(sizes: Sizes, op: str, tmp_path: Path) -> None:
    graph = layer(sizes, op=op)
    assert kernel(graph, "cortex-m7") == f"dsp/{op}_s8"
    edge.export(graph, "cortex-m7", tmp_path / "layer")
    assert edge.verify(tmp_path / "layer", samples=6).mismatches == 0


@pytest.mark.parametrize(("op", "gain"), [("gru", 16.0), ("gru", 64.0), ("lstm", 64.0)])
def test_saturated_gates_on_cortex_m4(op: str, gain: float, tmp_path: Path) -> None:
    edge.export(layer(SIZES[0], gain, op), "cortex-m4", tmp_path / "layer")
    assert edge.verify(tmp_path / "layer", samples=6).mismatches == 0


def test_vectors_that_are_too_short_go_to_the_portable_kernel() -> None:
    assert kernel(layer(Sizes(2, 3, 8)), "cortex-m7") == "ref/gru_s8"


@pytest.mark.parametrize(
    ("op", "target"), [("gru", "aarch64"), ("lstm", "wasm32"), ("lstm", "cortex-m0plus")]
)
def test_layers_elsewhere(op: str, target: str, tmp_path: Path) -> None:
    edge.export(layer(SIZES[0], op=op), target, tmp_path / "layer")
    assert edge.verify(tmp_path / "layer", samples=4).mismatches == 0


def test_the_dsp_kernel_takes_a_third_of_the_portable_one(tmp_path: Path) -> None:
    counts = []
    for target in ("cortex-m7", "cortex-m0plus"):
        edge.export(layer(SIZES[0]), target, tmp_path / target)
        counts.append(edge.bench(tmp_path / target).instructions)
    assert counts[0] is not None
    assert counts[1] is not None
    assert counts[0] < counts[1] / 3
