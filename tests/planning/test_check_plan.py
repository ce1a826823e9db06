"""The checker notices every plan that is spoiled by the smallest step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from edge.ir import Graph
from edge.planning import Plan, PlanError, check_plan, plan
from edge.planning.lifetimes import ALIGN
from edge.target import Target
from tests.planning import nets
from tests.planning.apart import Apart, apart
from tests.planning.random_nets import random_net

NETS: list[Callable[[], Graph]] = [nets.kws, nets.resnet]
NETS += [lambda seed=seed: random_net(seed) for seed in range(40)]


def fails(graph: Graph, made: Plan) -> bool:
    try:
        check_plan(graph, made)
    except PlanError:
        return True
    return False


def neighbouring_places(model: Apart) -> Iterator[tuple[Plan, Plan]]:
    """For each end of each unsafe interval a plan just outside and one just inside of it."""
    for (read, made), overlap in model.pairs.items():
        base = model.offsets()[read]
        for way, unsafe in enumerate(overlap.unsafe):
            for low, high in unsafe:
                below, above = low // ALIGN * ALIGN, -(-high // ALIGN) * ALIGN
                for outside, inside in ((below, below + ALIGN), (above, above - ALIGN)):
                    if low < inside < high:
                        yield (
                            model.plan({made: base + outside}, way),
                            model.plan({made: base + inside}, way),
                        )


@pytest.mark.parametrize("folders", [("ref",), ("dsp", "ref")], ids="+".join)
@pytest.mark.parametrize("net", NETS)
def test_one_step_closer_is_noticed_and_the_exact_distance_is_not(
    net: Callable[[], Graph], folders: tuple[str, ...]
) -> None:
    graph = net()
    model = apart(graph, [(node,) for node in graph.nodes], folders)
    for right, wrong in neighbouring_places(model):
        check_plan(graph, right)
        assert fails(graph, wrong)


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("kernel", [1, 2, 3, 5])
def test_a_ring_that_is_one_row_shorter_is_noticed(kernel: int, descending: bool) -> None:
    net = nets.Net()
    x = net.conv(net.input(1, 12, 4, 2), 3, (3, 3))
    net.depthwise(net.depthwise(x, (kernel, 1), (1, 1)), (3, 1), (2, 1), (1, 0, 0, 0))
    graph = net.graph("t2")
    made = apart(graph, [graph.nodes], ("ref",)).plan(way=int(descending))
    check_plan(graph, made)
    [stage] = made.stages
    assert stage.rings == {"t0": kernel, "t1": 3}
    for name, rows in stage.rings.items():
        if rows > 1:
            shorter = replace(stage, rings={**stage.rings, name: rows - 1})
            assert fails(graph, replace(made, stages=(shorter,)))


def test_overlapping_live_tensors_are_noticed(portable: Target) -> None:
    graph = nets.resnet()
    made = plan(graph, portable)
    moved = {**made.offsets, "t1": made.offsets["t0"]}
    assert fails(graph, replace(made, offsets=moved))


def test_tensor_beyond_the_arena_is_noticed(portable: Target) -> None:
    graph = nets.kws()
    made = plan(graph, portable)
    assert fails(graph, replace(made, arena=made.arena - ALIGN))


def test_unaligned_tensor_is_noticed() -> None:
    graph = nets.ad()
    model = apart(graph, [(node,) for node in graph.nodes], ("ref",))
    assert fails(graph, model.plan({"t0": 2 + model.offsets()["t0"]}))


def test_missing_tensor_is_noticed(portable: Target) -> None:
    graph = nets.kws()
    made = plan(graph, portable)
    assert fails(
        graph, replace(made, offsets={n: at for n, at in made.offsets.items() if n != "t3"})
    )


def test_reordered_stages_are_noticed(portable: Target) -> None:
    graph = nets.kws()
    made = plan(graph, portable)
    stages = (*made.stages[1::-1], *made.stages[2:])
    assert fails(graph, replace(made, stages=stages))


def test_scratch_on_a_live_tensor_is_noticed(cortex_m7: Target) -> None:
    graph = nets.kws()
    made = plan(graph, cortex_m7)
    for index in made.scratch_offsets:
        name = graph.nodes[index].inputs[0]
        on_input = {**made.scratch_offsets, index: made.offsets[name]}
        assert fails(graph, replace(made, scratch_offsets=on_input))
