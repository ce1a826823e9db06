"""Joined stages: the smallest peak, the fewest joins for a budget, and what is never joined."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from edge.errors import EdgeError
from edge.ir import Graph, Node
from edge.planning import Plan, PlanError, check_plan, plan
from edge.planning.choice import cheapest
from edge.planning.cutting import works_of
from edge.planning.fusing import Cutter
from edge.planning.kernels import arrival
from edge.planning.lifetimes import ALIGN, bound, live_bytes, storage, tensor_items
from edge.planning.occupancy import occupancy, occupied
from edge.reference import run
from edge.target import Target
from tests.planning import nets
from tests.planning.apart import apart
from tests.planning.execution import Machine
from tests.planning.nets import Net
from tests.planning.random_nets import random_net
from tests.planning.test_check_plan import fails, neighbouring_places

# Arena with the input in it, and with the input given row by row: the figures of plans that were
# executed on the device before, resnet smaller by the rows that sums write over.
SMALLEST = {
    nets.vww: (28_032, 14_592),
    nets.kws: (6_188, 5_860),
    nets.resnet: (14_080, 11_360),
    nets.mobilenet_v2: (30_720, 16_992),
    nets.mcunet: (53_248, 29_312),
}


def joins(made: Plan) -> int:
    """Operators that share a stage with the one before."""
    return sum(len(stage.steps) - 1 for stage in made.stages) - bool(made.input_rows)


@pytest.mark.parametrize("net", SMALLEST, ids=lambda f: f.__name__)
def test_smallest_arena_is_the_live_bytes(net: Callable[[], Graph], portable: Target) -> None:
    for streamed, arena in zip((False, True), SMALLEST[net], strict=True):
        made = plan(net(), portable, streamed=streamed, smallest=True)
        assert (made.arena, made.bound) == (arena, arena)


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("net", [nets.kws, nets.vww, nets.resnet], ids=lambda f: f.__name__)
def test_every_row_is_right_in_the_smallest_arena(
    net: Callable[[], Graph], streamed: bool, portable: Target
) -> None:
    graph = net()
    x = np.random.default_rng(1).integers(-128, 128, graph.type("x0").shape).astype(np.int8)
    made = plan(graph, portable, streamed=streamed, smallest=True)
    Machine(graph, made).run({"x0": x}, run(graph, [x], values=True))


def all_cuttings(nodes: Sequence[Node]) -> Iterator[list[tuple[Node, ...]]]:
    """Every way to cut nodes into runs."""
    if not nodes:
        yield []
    for size in range(1, len(nodes) + 1):
        for rest in all_cuttings(nodes[size:]):
            yield [tuple(nodes[:size]), *rest]


@cache
def short_nets() -> list[Graph]:
    nets_ = (random_net(seed) for seed in range(120))
    return [net for net in nets_ if 3 <= len(net.nodes) <= 6][:25]


@pytest.mark.parametrize("index", range(25))
def test_no_cutting_at_all_has_a_smaller_peak_or_fewer_joins(index: int) -> None:
    graph = short_nets()[index]
    kernels, owner = cheapest(graph, ("ref",)), storage(graph)
    cutter = Cutter(graph, kernels, owner, graph.nodes)

    def peak(groups: Sequence[tuple[Node, ...]]) -> int:
        works = works_of(graph, kernels, owner, groups)
        upwards = [replace(work, ways=work.ways[:1]) for work in works]
        tensors = tensor_items(graph, upwards, owner)
        return bound(upwards, tensors, live_bytes(graph, upwards, tensors))

    allowed = [groups for groups in all_cuttings(graph.nodes) if cutter.allows(groups)]
    peaks = [(peak(groups), len(graph.nodes) - len(groups)) for groups in allowed]
    assert peak(cutter.smallest_peak()) == min(peaks)[0]
    for limit in {p for p, _ in peaks}:
        groups = cutter.fewest_joins(limit)
        assert groups is not None
        assert peak(groups) <= limit
        fewest = min(joined for p, joined in peaks if p <= limit)
        assert len(graph.nodes) - len(groups) == fewest
    assert cutter.fewest_joins(min(peaks)[0] - ALIGN) is None


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("net", [nets.vww, nets.resnet], ids=lambda f: f.__name__)
def test_a_smaller_budget_never_has_fewer_joins(
    net: Callable[[], Graph], streamed: bool, cortex_m7: Target
) -> None:
    graph = net()
    largest = plan(graph, cortex_m7, streamed=streamed).arena + cortex_m7.stack
    least = plan(graph, cortex_m7, streamed=streamed, smallest=True)
    made = []
    for size in np.linspace(largest + 100, least.arena + cortex_m7.stack + 100, 5).astype(int):
        target = cortex_m7.with_memory(sram=int(size))
        made.append(plan(graph, target, streamed=streamed))
        assert made[-1].arena + cortex_m7.stack <= size
    assert [joins(p) for p in made] == sorted(joins(p) for p in made)
    assert joins(made[0]) < joins(made[-1]) or not streamed


def test_plenty_of_memory_joins_only_what_lowers_the_peak_for_free(cortex_m7: Target) -> None:
    joined = [s.steps for s in plan(nets.resnet(), cortex_m7).stages if len(s.steps) > 1]
    assert [[step.node for step in steps] for steps in joined] == [["conv2d2", "add3"]]


def test_smallest_arena_takes_leaner_kernels_that_are_hardly_slower(cortex_m7: Target) -> None:
    graph = nets.resnet()

    def kernels(made: Plan) -> list[str]:
        return [step.kernel for stage in made.stages for step in stage.steps]

    plain, small = (plan(graph, cortex_m7, smallest=smallest) for smallest in (False, True))
    assert "dsp/conv2d_lean_s8" not in kernels(plain)
    assert kernels(small).count("dsp/conv2d_lean_s8") == 1
    assert not {"ref/conv2d_s8", "ref/linear_s8"} & set(kernels(small))


def test_global_pooling_at_the_end_of_a_stage_adds_up_row_by_row(portable: Target) -> None:
    made = plan(nets.kws(), portable, smallest=True)
    step = made.stages[0].steps[-1]
    assert (step.kernel, step.rows, step.sums) == ("ref/mean_rows_s8", 25, 256)
    assert made.sums.keys() == {"mean9"}


def test_elementwise_operator_writes_over_its_operand(portable: Target) -> None:
    """The branch is made where the sum goes, so that no ring is needed for it."""
    made = plan(nets.resnet(), portable, streamed=True, smallest=True)
    rings = made.stages[0].rings
    assert made.offsets["t2"] == made.offsets["t3"]
    assert rings["t2"] == rings["t3"] == 3


@pytest.mark.parametrize("op", ["concat", "resize", "transpose"])
def test_operators_that_see_whole_tensors_are_borders(op: str, portable: Target) -> None:
    net = Net()
    x = net.conv(net.input(1, 16, 16, 4), 4)
    if op == "concat":
        x = net.node("concat", x, x, axis=3)
    elif op == "resize":
        x = net.node("resize", x, size=(16, 16))
    else:
        x = net.node("transpose", x, permutation=(0, 2, 1, 3))
    graph = net.graph(net.depthwise(x, (3, 3), (2, 2)))
    for stage in plan(graph, portable, smallest=True).stages:
        steps = [step.node for step in stage.steps]
        assert len(steps) == 1 or not any(name.startswith(op) for name in steps)


class TestStreamedInput:
    """The rows of the input are given by the caller."""

    def test_input_is_a_ring_of_what_the_first_window_sees(self, portable: Target) -> None:
        made = plan(nets.vww(), portable, streamed=True)
        assert made.input_rows == 96
        assert [step.kernel for step in made.stages[0].steps] == ["input", "ref/conv2d_s8"]
        assert made.stages[0].rings == {"x0": 3}

    def test_input_that_is_read_again_later_is_kept_whole(self, portable: Target) -> None:
        net = Net()
        x = net.input(1, 6, 4, 3)
        graph = net.graph(net.node("concat", x, net.conv(x, 3), axis=3))
        made = plan(graph, portable, streamed=True)
        assert made.stages[0].rings == {}
        assert made.input_rows == 6

    def test_first_operator_that_sees_all_waits_for_all_rows(self, portable: Target) -> None:
        net = Net()
        x = net.node("transpose", net.input(1, 6, 4, 3), permutation=(0, 2, 1, 3))
        made = plan(net.graph(x), portable, streamed=True)
        assert [[step.kernel for step in stage.steps] for stage in made.stages] == [
            ["input"],
            ["ref/strided"],
        ]

    def test_all_rows_are_taken_even_those_that_nobody_needs(self, portable: Target) -> None:
        """Stride 2 without padding never looks at the last of 6 rows."""
        from edge.planning.calls import calls

        net = Net()
        graph = net.graph(net.conv(net.input(1, 6, 4, 1), 1, (1, 1), (2, 2), (0, 0, 0, 0)))
        [stage] = plan(graph, portable, streamed=True).stages
        given = [row for step, row in calls(graph, stage) if step.kernel == "input"]
        assert given == [0, 1, 2, 3, 4, 5]

    @pytest.mark.parametrize("shapes", [[(1, 640)], [(1, 4, 4, 2), (1, 4, 4, 2)]])
    def test_models_without_rows_are_refused(self, shapes: list, portable: Target) -> None:
        net = Net()
        x = [net.input(*shape) for shape in shapes]
        graph = net.graph(net.node("add", x[0], x[-1]))
        with pytest.raises(EdgeError, match="E0016"):
            plan(graph, portable, streamed=True)


def joined_plans() -> Iterator[tuple[Graph, Plan]]:
    """Plans of known and random nets in which operators are joined."""
    from edge.target import load_target

    graphs = [nets.kws(), nets.resnet(), nets.vww(), *map(random_net, range(100))]
    for graph in graphs:
        streamed = len(graph.inputs) == 1 and graph.type(graph.inputs[0]).shape[1] > 1
        made = plan(graph, load_target("host"), streamed=streamed, smallest=True)
        if any(stage.rings for stage in made.stages):
            yield graph, made


def test_every_ring_that_is_a_row_shorter_is_noticed() -> None:
    tried = 0
    for graph, made in joined_plans():
        for index, stage in enumerate(made.stages):
            for name, rows in stage.rings.items():
                shares = sum(made.offsets[name] == made.offsets[other] for other in stage.rings)
                if rows > 1 and shares == 1 and graph.type(name).shape[1] >= rows:
                    shorter = replace(stage, rings={**stage.rings, name: rows - 1})
                    stages = (*made.stages[:index], shorter, *made.stages[index + 1 :])
                    assert fails(graph, replace(made, stages=stages)), (graph.name, name)
                    tried += 1
    assert tried > 40


def test_sums_that_are_written_over_are_noticed(portable: Target) -> None:
    graph = nets.kws()
    made = plan(graph, portable, smallest=True)
    for name in ("t0", "t4", "t8"):
        assert fails(graph, replace(made, sums={"mean9": made.offsets[name]}))
    with pytest.raises(PlanError, match="no place for its sums"):
        check_plan(graph, replace(made, sums={}))


@pytest.mark.parametrize("folders", [("ref",), ("dsp", "ref")], ids="+".join)
@pytest.mark.parametrize("size", [2, 3, 4])
@pytest.mark.parametrize("net", [nets.kws, nets.resnet], ids=lambda f: f.__name__)
def test_clearance_of_joined_stages_is_exact(
    net: Callable[[], Graph], size: int, folders: tuple[str, ...]
) -> None:
    """Each input may come as close as was found, and not a word closer."""
    graph = net()
    nodes = list(graph.nodes[: size * (9 // size)])
    groups = [tuple(nodes[i : i + size]) for i in range(0, len(nodes), size)]
    groups += [(node,) for node in graph.nodes[len(nodes) :]]
    model = apart(graph, groups, folders)
    for right, wrong in neighbouring_places(model):
        check_plan(graph, right)
        assert fails(graph, wrong)


def test_streamed_input_joins_a_chain_of_everything() -> None:
    graph = nets.resnet()
    head = arrival("x0")
    model = apart(graph, [(head, *graph.nodes[:-3]), *((n,) for n in graph.nodes[-3:])], ("ref",))
    check_plan(graph, model.plan())


@pytest.mark.parametrize("streamed", [False, True])
def test_report_shows_what_is_live(streamed: bool, portable: Target) -> None:
    graph = nets.kws()
    made = plan(graph, portable, streamed=streamed, smallest=True)
    stages = occupancy(graph, made)
    assert max(map(occupied, stages)) <= made.arena
    assert occupied(stages[0]) > made.arena - 16
    assert {"sums", "t0"} <= {resident.name for resident in stages[0]}
    assert {r.size for r in stages[0] if r.name == "x0"} == {100 if streamed else 490}
