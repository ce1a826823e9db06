"""Kernels that are hardly worth their code are left out where code is to be saved."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pytest

from edge.ir import Graph
from edge.planning import plan
from edge.planning.choice import candidates
from edge.planning.few_kernels import with_few_kernels
from edge.planning.kernels import Kernel
from edge.target import load_target
from tests.models.int8_nets import residual_net
from tests.models.mcunet import mcunet, needed

FOLDERS = ("dsp", "ref")


def _cost(graph: Graph, options: Mapping[str, Sequence[Kernel]]) -> int:
    return sum(options[node.name][0].cost(graph, node) for node in graph.nodes)


@pytest.mark.parametrize("net", [residual_net, pytest.param(mcunet, marks=needed)])
def test_fewer_kernels_are_at_most_a_32nd_slower(net: Callable[[], Graph]) -> None:
    graph = net()
    all_ = candidates(graph, FOLDERS)
    few = with_few_kernels(graph, all_)
    assert _cost(graph, few) <= _cost(graph, all_) * (1 + 1 / 32)
    names = [{kernels[0].name for kernels in options.values()} for options in (all_, few)]
    assert names[1] <= names[0]


@needed
def test_mcunet_takes_fewer() -> None:
    graph = mcunet()
    target = load_target("cortex-m7")
    plans = [plan(graph, target, few_kernels=few) for few in (False, True)]
    used = [{step.kernel for stage in p.stages for step in stage.steps} for p in plans]
    assert len(used[1]) < len(used[0])


def test_kernels_with_less_scratch_stay_for_memory() -> None:
    graph = residual_net()
    all_ = candidates(graph, FOLDERS)
    few = with_few_kernels(graph, all_)
    for node in graph.nodes:
        least = [min(k.scratch(graph, node) for k in o[node.name]) for o in (all_, few)]
        assert least[0] == least[1]
