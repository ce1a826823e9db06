"""Kernel choice: the cheapest that accepts, and all nodes without one at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.errors import EdgeError
from edge.ir import Graph
from edge.planning import plan
from edge.planning.choice import cheapest, kernel_named, kernels_in
from edge.resources import path
from edge.target import Target
from tests.models import int8_nets
from tests.planning import nets
from tests.planning.nets import Net

REF = ("ref",)


def chosen(net: Net, node: str) -> str:
    return cheapest(net.graph(), REF)[node].name


def test_pointwise_convolution_is_a_linear_layer() -> None:
    net = Net()
    x = net.input(1, 4, 4, 8)
    net.conv(x, 8, (1, 1))
    net.conv(x, 8, (1, 1), (2, 2))
    net.conv(x, 8, (3, 3))
    kernels = cheapest(net.graph(), REF)
    names = [kernel.name for kernel in kernels.values()]
    assert names == ["ref/linear_s8", "ref/conv2d_s8", "ref/conv2d_s8"]


def test_reshape_moves_no_bytes() -> None:
    net = Net()
    net.node("reshape", net.input(1, 2, 3, 4), shape=(1, 24))
    assert chosen(net, "reshape0") == "alias"


@pytest.mark.parametrize(("shape", "trailing"), [
    ((1, 4, 3, 2), True), ((1, 1, 1, 2), True), ((2,), True), ((1, 1, 3, 2), True), ((), True),
    ((1, 4, 3, 1), False), ((1, 4, 1, 2), False),
])  # fmt: skip
def test_operand_that_repeats_as_a_trailing_part_is_walked_through_by_rows(
    shape: tuple[int, ...], trailing: bool
) -> None:
    net = Net()
    net.node("add", net.input(1, 4, 3, 2), net.input(*shape))
    assert chosen(net, "add0") == ("ref/add_s8" if trailing else "ref/add_broadcast_s8")


def test_all_nodes_without_kernel_are_named_at_once() -> None:
    net = Net()
    x = net.input(2, 4, 4, 2)
    net.conv(x, 3)
    net.node("lookup", x, net.constant(256))
    net.node("mean", x, axes=(1, 2))
    with pytest.raises(EdgeError) as refusal:
        cheapest(net.graph(), REF)
    first, second = refusal.value.diagnostics
    assert first.title == "no kernel for conv2d(int8[2,4,4,2], int8[3,3,3,2]) -> int8[2,4,4,3]"
    assert second.where == "mean2"
    assert refusal.value.exit_status == 3


def test_kernel_of_a_step_is_found_again() -> None:
    for kernel in kernels_in(REF):
        assert kernel_named(kernel.name, kernel.op) is kernel
    with pytest.raises(KeyError):
        kernel_named("ref/conv2d_s8", "linear")


@pytest.mark.parametrize("folder", ["ref", "dsp"])
def test_every_kernel_has_its_file(folder: str) -> None:
    root: Path = path("runtime/kernels")
    for kernel in kernels_in([folder]):
        files = [f"{kernel.name}.c", *kernel.sources]
        assert kernel.name == "alias" or all((root / file).exists() for file in files)


def steps(graph: Graph, target: Target) -> dict[str, str]:
    return {s.node: s.kernel for stage in plan(graph, target).stages for s in stage.steps}


def test_quick_kernels_may_take_an_eighth_of_the_peak_as_scratch(cortex_m7: Target) -> None:
    graph = nets.kws()
    assert "dsp/depthwise_conv2d_s8" in steps(graph, cortex_m7).values()
    assert 8_640 < plan(graph, cortex_m7).arena < 8_640 * 9 // 8


def test_tight_sram_is_met_by_joining_operators_first(cortex_m7: Target) -> None:
    graph = nets.kws()
    tight = cortex_m7.with_memory(sram=8_700 + cortex_m7.stack)
    assert plan(graph, tight).arena <= 8_700
    assert steps(graph, tight)["depthwise_conv2d1"] == "dsp/depthwise_conv2d_s8"


def test_what_joining_does_not_save_leaner_kernels_do(cortex_m7: Target) -> None:
    graph = nets.kws()
    least = plan(graph, cortex_m7, smallest=True).arena
    tight = cortex_m7.with_memory(sram=least - 100 + cortex_m7.stack)
    assert plan(graph, tight).arena <= least - 100
    assert steps(graph, tight)["depthwise_conv2d1"] == "dsp/depthwise_window_s8"


def test_scratch_never_outgrows_a_small_model(cortex_m7: Target) -> None:
    """The fastest kernel for 640 inputs would unpack them for four vectors at once: 5,120 B."""
    assert plan(nets.ad(), cortex_m7).arena <= 768 + 1_024


@pytest.mark.parametrize(
    "attrs",
    [
        {"kernel": (2, 2), "stride": (1, 1), "padding": (2, 2, 0, 0)},
        {"kernel": (1, 1), "stride": (256, 1), "padding": (0, 0, 0, 0)},
    ],
    ids=["a window in the padding alone", "a stride beyond a byte"],
)
def test_what_a_descriptor_cannot_say_has_no_kernel(portable: Target, attrs: dict) -> None:
    net = int8_nets.Net(1, 300, 2, 1)
    net.add("max_pool2d", attrs=attrs, scale=0.05, zero=3)
    with pytest.raises(EdgeError, match="E0102"):
        plan(net.graph(), portable)
