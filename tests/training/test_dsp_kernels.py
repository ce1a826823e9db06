"""Boards with the DSP extension train by kernels of their own, bit for bit as numpy does."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge.ir import Graph
from edge.ir.graph import Attr
from edge.target import load_target
from edge.training import kernels_dsp, scheme
from edge.training.autodiff import Step, differentiate
from edge.training.planning import StepPlan, check_tail, plan_step
from edge.training.scheme import UpdateScheme
from edge.training.tape import Settings
from tests.training.networks import TrainNet, bottleneck
from tests.training.test_programs import assert_equal, program, run, samples

emulated = pytest.mark.skipif(
    not shutil.which("qemu-system-arm"), reason="needs apt-get install qemu-system-arm"
)


def odd_sizes() -> Graph:
    """35 positions, which leave 3 behind the last four; channels that fill no block of 8."""
    net = TrainNet(1, 7, 5, 4, seed=5)
    net.conv(12, kernel=1)
    net.depthwise(5)
    net.conv(10, kernel=1)
    net.conv(20, kernel=1)
    net.depthwise(3, stride=2)
    net.conv(12, kernel=1, activation="relu")
    return net.head(6)


def uneven_windows() -> Graph:
    """Depthwise windows with a stride that leaves taps over, asymmetric padding and dilation."""
    net = TrainNet(1, 9, 11, 4, seed=7)
    net.conv(8, kernel=1)
    _depthwise(net, (7, 4), stride=(2, 3), padding=(3, 2, 1, 2))
    net.conv(8, kernel=1)
    _depthwise(net, (3, 3), stride=(1, 1), padding=(2, 2, 1, 3), dilation=(2, 2))
    _depthwise(net, (2, 2), stride=(3, 3), padding=(0, 1, 0, 1))
    return net.head(4)


def wide_rows() -> Graph:
    """More outputs of a row than a depthwise kernel stores at a time."""
    net = TrainNet(1, 2, 19, 4, seed=9)
    net.conv(8, kernel=1)
    net.depthwise(3)
    net.conv(16, kernel=1)
    return net.head(4)


def _depthwise(net: TrainNet, kernel: tuple[int, int], **attrs: Attr) -> None:
    index, channels = len(net.nodes), net.values[net.last].type.shape[3]
    weight = net.weight(f"w{index}", (1, *kernel, channels), 3)
    bias = net.bias(f"b{index}", channels)
    net.add("depthwise_conv2d", net.last, weight, bias, attrs=attrs, scale=0.2)


NETS: dict[str, Callable[[], Graph]] = {
    "odd sizes": odd_sizes,
    "uneven windows": uneven_windows,
    "wide rows": wide_rows,
}


def full_step(graph: Graph, rate: float = 1e-2) -> Step:
    return differentiate(graph, scheme.full(graph), Settings(learning_rate=rate))


def chosen(plan: StepPlan) -> set[str]:
    return {c.kernel for tail in (plan.training, plan.inference) for c in tail.kernels.values()}


@emulated
@pytest.mark.parametrize("name", NETS)
def test_a_board_trains_as_numpy_does(name: str, tmp_path: Path) -> None:
    step = full_step(NETS[name]())
    inputs = samples(step.graph, [1, -1, 2, 0])
    assert_equal(step, inputs, run(program(step, "cortex-m7", tmp_path / "net"), inputs).outputs)


@emulated
def test_saturated_values_agree_too(tmp_path: Path) -> None:
    """A learning rate that drives weights and activations to their ends."""
    step = full_step(odd_sizes(), rate=100.0)
    inputs = samples(step.graph, [1, 3, 1])
    assert_equal(step, inputs, run(program(step, "cortex-m4", tmp_path / "net"), inputs).outputs)


@emulated
def test_a_trained_slice_takes_part_of_the_input_channels(tmp_path: Path) -> None:
    graph = odd_sizes()
    layers = [node.name for node in scheme.weighted_layers(graph)]
    part = UpdateScheme(frozenset(layers[2:]), {layers[2]: 4, layers[3]: 8})
    step = differentiate(graph, part, Settings(learning_rate=1e-2))
    assert "traindsp/update_linear_weight" in chosen(plan_step(step, load_target("cortex-m4")))
    inputs = samples(graph, [1, 2, 5])
    assert_equal(step, inputs, run(program(step, "cortex-m4", tmp_path / "net"), inputs).outputs)


@pytest.mark.parametrize("target", ["cortex-m4", "cortex-m7", "cortex-m55"])
def test_every_dsp_kernel_is_taken_by_one_of_the_networks(target: str) -> None:
    plans = [plan_step(full_step(net()), load_target(target)) for net in NETS.values()]
    taken = set().union(*map(chosen, plans))
    assert {kernel.name for kernel in kernels_dsp.KERNELS} <= taken


@pytest.mark.parametrize("target", ["cortex-m0plus", "host", "wasm32"])
def test_targets_without_the_extension_take_none(target: str) -> None:
    plan = plan_step(full_step(odd_sizes()), load_target(target))
    assert not any(name.startswith(kernels_dsp.FOLDER) for name in chosen(plan))


@pytest.mark.parametrize("name", NETS)
def test_working_memory_of_the_kernels_is_planned(name: str) -> None:
    plan = plan_step(full_step(NETS[name]()), load_target("cortex-m7"))
    for tail in (plan.training, plan.inference):
        check_tail(tail)
        needing = {n for n, c in tail.kernels.items() if c.kernel.startswith("traindsp/live")}
        assert needing <= set(tail.scratch)


def test_a_clamp_inside_of_int8_keeps_the_portable_kernel() -> None:
    """Saturation cannot stand for it."""
    step = full_step(bottleneck())
    nodes = [
        replace(n, attrs={**n.attrs, "maximum": 100}) if n.op.startswith("live_") else n
        for n in step.graph.nodes
    ]
    clamped = replace(step, graph=step.graph.with_nodes(nodes))
    plan = plan_step(clamped, load_target("cortex-m7"))
    assert not any(name.startswith("traindsp/live") for name in chosen(plan))


def test_shifts_beyond_a_word_keep_the_portable_kernel() -> None:
    step = full_step(bottleneck())
    values = dict(step.graph.values)
    for node in step.graph.nodes:
        if node.op.startswith("live_"):
            shift = values[node.inputs[4]]
            assert shift.data is not None
            values[node.inputs[4]] = replace(shift, data=np.full_like(shift.data, -30))
    plan = plan_step(
        replace(step, graph=replace(step.graph, values=values)), load_target("cortex-m7")
    )
    assert not any(name.startswith("traindsp/live") for name in chosen(plan))
