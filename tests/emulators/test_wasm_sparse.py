"""The sparse WebAssembly kernels equal the numpy reference in every byte, under wasmtime and in
Chromium.

All cases of a block shape are one module; each test looks at the cases of one topic.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from edge.emit.project import emit
from edge.ir import DType, Graph
from edge.planning import plan
from edge.planning.choice import cheapest
from edge.reference import run_batch
from edge.runners.browser import BrowserRunner
from edge.target import load_target
from edge.toolchains import build, find_toolchain
from edge.workflow.project import write_project
from tests.emulators.dsp_firmware import Case
from tests.emulators.dsp_graphs import Spec, random_weights
from tests.emulators.sparse_cases import (
    ROUNDINGS,
    TOPICS,
    Family,
    Random,
    Topic,
    all_cases,
    case,
    convolution,
    masked,
    pointwise,
)
from tests.emulators.wasm_module import failures
from tests.models.int8_nets import Net

FAMILIES = {
    name: Family(
        pointwise=(f"simd128/pointwise_conv2d_{name}_s8",),
        conv=f"simd128/conv2d_{name}_s8",
        linear=f"simd128/pointwise_conv2d_{name}_s8",
        block=(size, 2),
        linear_block=(size, 2),
        depth=4,
        gaps=(254, 255, 256, 511, 512),
        linear_gaps=(254, 255, 256, 511, 512),
    )
    for name, size in (("quads", 4), ("duos", 2))
}


def sizes_beside_those_of_blocks(family: Family, rng: Random) -> Iterator[Case]:
    """Channels, inputs and windows that blocks and vectors of 8 do not divide."""
    for in_c, out_c, pixels in product((1, 3, 7, 9, 33), (1, 2, 5, 7, 9), (1, 5, 11)):
        weight = family.mask(random_weights((out_c, in_c), rng), "half", rng)
        graph = pointwise(pixels, weight, Spec(ROUNDINGS[out_c % 2]), rng)
        yield case(f"{in_c}->{out_c} {pixels}", graph, family.pointwise[0], rng)
    for in_c, out_c, width in product((1, 3), (3, 6), (4, 9, 17)):
        weight = family.mask(random_weights((out_c, 3, 3, in_c), rng), "half", rng)
        graph = convolution((3, width, in_c), weight, Spec(), rng, padding=(1, 1, 1, 1))
        yield case(f"{in_c}->{out_c} wide {width}", graph, family.conv, rng)


def groups_of_strips(family: Family, rng: Random) -> Iterator[Case]:
    """More pixels than are widened at once: for few inputs 256, for many a few strips."""
    for pixels, inputs in product((40, 41, 255, 257, 261), (8, 1600)):
        weight = family.mask(random_weights((4, inputs), rng), "few", rng)
        graph = pointwise(pixels, weight, Spec(ROUNDINGS[pixels % 2]), rng)
        yield case(f"{inputs} {pixels}", graph, family.pointwise[0], rng)


ALL = (*TOPICS, sizes_beside_those_of_blocks, groups_of_strips)


@pytest.fixture(scope="module", params=FAMILIES)
def failed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    pytest.importorskip("wasmtime", reason="pip install wasmtime")
    cases = all_cases(FAMILIES[request.param], *ALL[len(TOPICS) :])
    return failures(cases, tmp_path_factory.mktemp(request.param))


@pytest.mark.parametrize("topic", ALL, ids=lambda topic: topic.__name__)
def test_every_byte_equals_the_reference(failed: list[str], topic: Topic) -> None:
    assert [name for name in failed if name.startswith(f"{topic.__name__}:")] == []


def _chosen(block: tuple[int, int], kind: str) -> str:
    rng = np.random.default_rng(1)
    weight = masked(random_weights((64, 64), rng), kind, block, rng)
    (kernel,) = cheapest(pointwise(196, weight, Spec(), rng), ("simd128", "ref")).values()
    return kernel.name


@pytest.mark.parametrize("name", FAMILIES)
def test_the_planner_takes_the_kernel_of_the_mask(name: str) -> None:
    assert _chosen(FAMILIES[name].block, "half") == FAMILIES[name].pointwise[0]


def test_coarser_masks_run_on_finer_kernels() -> None:
    assert _chosen((2, 8), "half") == FAMILIES["duos"].pointwise[0]
    assert _chosen((4, 4), "half") == FAMILIES["quads"].pointwise[0]


@pytest.mark.parametrize("block", [(1, 1), (2, 2), (4, 4)])
def test_weights_without_zeros_stay_dense(block: tuple[int, int]) -> None:
    assert _chosen(block, "dense") == "simd128/pointwise_conv2d_s8"


def _network(rng: Random) -> Graph:
    """Two convolutions and a linear layer, most of whose 4x4 blocks are zero."""
    net = Net(1, 11, 13, 32)
    net.conv(32, activation="relu")
    net.conv(64, kernel=1)
    net.add("reshape", attrs={"shape": (1, 11 * 13 * 64)}, scale=0.4)
    net.add("linear", net.last, net.weight("fc", (12, 11 * 13 * 64), 0), net.bias("fc_bias", 12))
    graph = net.graph("sparse_net")
    weights = {
        name: replace(value, data=masked(value.data, "few", (4, 4), rng))
        for name, value in graph.values.items()
        if value.data is not None and value.type.dtype is DType.INT8
    }
    return replace(graph, values={**graph.values, **weights})


@pytest.mark.skipif(not shutil.which("chromium"), reason="needs chromium: apt-get install chromium")
def test_chromium_computes_the_same_bytes(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    graph = _network(rng)
    planned = plan(graph, load_target("wasm32"))
    kernels = [step.kernel for stage in planned.stages for step in stage.steps]
    assert sum("quads" in kernel for kernel in kernels) >= 2
    inputs = (rng.integers(-128, 128, (3, 11, 13, 32)).astype(np.int8),)
    (expected,) = run_batch(graph, inputs)
    out = tmp_path / "out"
    write_project(out, emit(graph, planned, (inputs, (expected,))))
    target = load_target("wasm32")
    program = build(out, target, find_toolchain("zig", target))
    (made,) = BrowserRunner(target).run(program, inputs).outputs
    np.testing.assert_array_equal(made.view(np.int8).reshape(expected.shape), expected)
