"""Costs are fitted without negative coefficients, and the planner's mistakes are found."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest

from edge.planning.choice import kernel_named
from edge.planning.costs import once, outputs, total
from edge.target import load_target
from tests.bench.fit_costs import Count, fit, measure, mistakes, non_negative
from tests.bench.layer_grid import layers

ADDITIONS = [
    (name, graph) for name, graph in layers(np.random.default_rng(0)) if name.startswith("add ")
]
KERNEL = replace(kernel_named("ref/add_s8", "add"), cost=total((1, outputs), (2, once)))


def counts(per_output: int, fixed: int) -> list[Count]:
    """A kernel that takes exactly so many instructions."""
    return [
        Count(KERNEL, name, graph, per_output * outputs(graph, graph.nodes[0]) + fixed)
        for name, graph in ADDITIONS
    ]


def test_coefficients_of_exact_counts_are_found() -> None:
    found = fit(counts(7, 40))
    assert found.quantities == ("outputs", "once")
    assert found.present == (1, 2)
    assert found.fitted == pytest.approx((7, 40), rel=0.01)
    assert found.present_error[0] > 0.8
    assert found.fitted_error[1] < 0.01


def test_no_coefficient_is_negative() -> None:
    matrix = np.array([[1.0, 1.0], [1.0, 2.0], [1.0, 3.0]])
    assert non_negative(matrix, np.array([3.0, 2.0, 1.0])).tolist() == [2.0, 0.0]
    assert non_negative(matrix, np.array([-1.0, -2.0, -3.0])).tolist() == [0.0, 0.0]


def test_a_planner_that_takes_the_slower_kernel_is_caught() -> None:
    slow, quick = counts(9, 10), counts(6, 20)
    named = [replace(KERNEL, name=name) for name in ("slow", "quick")]
    cheap = [*[replace(named[0], cost=total((1, outputs)))] * len(slow)]
    dear = [*[replace(named[1], cost=total((2, outputs)))] * len(quick)]
    found = mistakes([*slow, *quick], [*cheap, *dear])
    assert [(m.chosen, m.best) for m in found] == [("slow", "quick")] * len(ADDITIONS)
    assert all(0.3 < m.excess < 0.5 for m in found)
    assert mistakes([*slow, *quick], [*dear, *cheap]) == []


@pytest.mark.skipif(
    not shutil.which("qemu-system-arm"), reason="needs apt-get install qemu-system-arm"
)
def test_the_planners_costs_are_those_that_are_counted() -> None:
    """Of Cortex-M7's lookups, which do nothing that is hard to predict."""
    found = fit(measure(load_target("cortex-m7"), "zig", "dsp/lookup"))
    assert found.present_error[1] < 0.05


def test_wasm_is_counted_in_fuel() -> None:
    pytest.importorskip("wasmtime", reason="needs pip install wasmtime")
    found = measure(load_target("wasm32"), "zig", "simd128/mean")
    assert len(found) > 10
    assert all(count.instructions > 100 for count in found)
