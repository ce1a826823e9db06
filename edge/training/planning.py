"""Where every byte of a step is: the frozen part, the training part and inference share one arena.

The frozen part, which depends on nothing trained, is planned like any model and may run by rows.
What follows runs node by node; a gradient may take the place of the one it is made from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from edge.ir import Graph, Node
from edge.planning import Plan, PlanError, plan
from edge.planning.lifetimes import Item, Overlap, aligned
from edge.planning.offsets import make_problem, solve
from edge.planning.planner import PlanTarget
from edge.training.autodiff import Step
from edge.training.conflicts import Lifetime, conflicts
from edge.training.kernels import Chosen, choose
from edge.training.lifetimes import lifetimes, shared_bytes
from edge.training.ops import TRAINING_OPS
from edge.training.reference.trainer import flowing

LABEL_BYTES, RESERVOIR_BYTES = 2, 8


@dataclass(frozen=True, eq=False)
class Tail:
    """Nodes that run one after another. `offsets` places every value that lives in the arena, by
    the name that owns its bytes, `scratch` the working memory of nodes by name."""

    graph: Graph
    kernels: Mapping[str, Chosen]
    offsets: Mapping[str, int]
    scratch: Mapping[str, int]
    arena: int
    bound: int


@dataclass(frozen=True)
class Move:
    """`size` bytes of the arena that go from `source` to `to`; the two may overlap."""

    to: int
    source: int
    size: int

    def destroys(self, other: Move) -> bool:
        """Whether it writes over what the other still has to read."""
        return self.to < other.source + other.size and other.source < self.to + self.size


def in_safe_order(moves: Sequence[Move]) -> list[Move]:
    """The moves in an order in which none destroys what a later one reads.

    Where values must trade places, the smallest goes out of the way first, behind all others.
    """
    pending, ordered = list(moves), []
    end = top = max((aligned(max(m.to, m.source) + m.size) for m in moves), default=0)
    while pending:
        free = [m for m in pending if not any(m.destroys(o) for o in pending if o is not m)]
        if free:
            pending.remove(free[0])
            ordered.append(free[0])
            continue
        least = min((m for m in pending if m.source < end), key=lambda move: move.size)
        pending[pending.index(least)] = Move(least.to, top, least.size)
        ordered.append(Move(top, least.source, least.size))
        top = aligned(top + least.size)
    return [move for move in ordered if move.to != move.source]


@dataclass(frozen=True, eq=False)
class StepPlan:
    """A step in memory. `frozen` is None where everything depends on something trained.

    `boundary` are the values that the tails read of it, or the model's input. All sizes are bytes.
    """

    step: Step
    frozen: tuple[Graph, Plan] | None
    boundary: tuple[str, ...]
    training: Tail
    inference: Tail

    @property
    def arena(self) -> int:
        frozen = self.frozen[1].arena if self.frozen else 0
        tails = (self.training, self.inference)
        moved = (move.to + move.size for tail in tails for move in self.moves(tail))
        return max(frozen, *(aligned(end) for end in moved), *(tail.arena for tail in tails))

    def source_of(self, name: str) -> int:
        """Where a boundary value is when the tails begin: in the frozen part's place.

        Without one the input is given where the training part wants it.
        """
        return self.frozen[1].offsets[name] if self.frozen else self.training.offsets[name]

    def moves(self, tail: Tail) -> list[Move]:
        """How the boundary values get to their places in a tail, one after another."""
        pending = [
            Move(tail.offsets[name], self.source_of(name), tail.graph.type(name).nbytes)
            for name in self.boundary
            if name in tail.offsets
        ]
        return in_safe_order(pending)

    @property
    def sample_bytes(self) -> int:
        """Of a sample kept for replay: all that the tails read of it."""
        return sum(self.step.graph.type(name).nbytes for name in self.boundary)

    @property
    def replay(self) -> int:
        """Bytes of the kept samples, their labels and the state of the reservoir."""
        count = self.step.settings.replay
        return count * (self.sample_bytes + LABEL_BYTES) + RESERVOIR_BYTES if count else 0

    @property
    def trainables(self) -> int:
        return sum(state.initial.nbytes for state in self.step.graph.states)


def plan_step(step: Step, target: PlanTarget) -> StepPlan:
    """Plan all parts of a step for a target. The same step gives the same plan everywhere.

    Raises EdgeError E0102 for what has no kernel.
    """
    graph, flows = step.graph, flowing(step.graph)
    tail = [node for node in graph.nodes if node.output in flows]
    head = [node for node in graph.nodes if node.output not in flows]
    boundary = boundary_of(graph)
    frozen = _frozen(graph, head, boundary, target) if head else None
    inputs = (*boundary, graph.inputs[-1])
    training = replace(graph, inputs=inputs).with_nodes(tail)
    inference = place(_inference(training, boundary), target.kernels)
    return StepPlan(step, frozen, boundary, place(training, target.kernels), inference)


def boundary_of(graph: Graph) -> tuple[str, ...]:
    """What training reads of the frozen part of a step, in the order of reading."""
    flows = flowing(graph)
    tail = [node for node in graph.nodes if node.output in flows]
    states = {state.read for state in graph.states}
    read = (name for node in tail for name in node.inputs if name)
    outside = (n for n in read if n not in flows and n not in states and not graph.is_constant(n))
    return tuple(name for name in dict.fromkeys(outside) if name != graph.inputs[-1])


def _frozen(
    graph: Graph, nodes: Sequence[Node], boundary: tuple[str, ...], target: PlanTarget
) -> tuple[Graph, Plan]:
    part = Graph(
        f"{graph.name}_frozen", graph.inputs[:-1], boundary, (), graph.values, graph.rounding
    ).with_nodes(nodes)
    return part, plan(part, target, smallest=True, few_kernels=True)


def _inference(training: Graph, boundary: tuple[str, ...]) -> Graph:
    """The forward nodes alone, without what only the backward part reads."""
    last = next(i for i, n in enumerate(training.nodes) if n.output == training.outputs[0])
    needed = set(training.outputs)
    nodes: list[Node] = []
    for node in reversed(training.nodes[: last + 1]):
        if needed.intersection(node.outputs[:1]):
            needed.update(node.inputs)
            nodes.insert(0, _without_mask(node))
    states = tuple(replace(s, written=s.read) for s in training.states)
    return replace(training, inputs=boundary, states=states).with_nodes(nodes)


def _without_mask(node: Node) -> Node:
    if node.op.startswith("masked_"):
        return replace(node, op=node.op.removeprefix("masked_"), outputs=node.outputs[:1])
    return replace(node, outputs=node.outputs[:1]) if node.op.startswith("live_") else node


def place(graph: Graph, folders: Sequence[str] = ("ref",)) -> Tail:
    """Kernels, of the target's folders, and offsets of nodes in their order."""
    kernels = {node.name: choose(graph, node, folders) for node in graph.nodes}
    lives = lifetimes(graph)
    if graph.inputs and graph.inputs[-1] in ("label", "target"):
        lives.pop(graph.inputs[-1], None)
    items = [Item(n, t.size, t.start, t.end - 1) for n, t in lives.items()]
    items += [
        Item(index, kernels[node.name].scratch, index, index)
        for index, node in enumerate(graph.nodes, 1)
        if kernels[node.name].scratch
    ]
    over = overwritten(graph, lives)
    load = _load(items, over, len(graph.nodes) + 2)
    layout = solve(make_problem(items, over), load, max(load))
    names = {index: node.name for index, node in enumerate(graph.nodes, 1)}
    return Tail(
        graph,
        kernels,
        {key: at for key, at in layout.offsets.items() if isinstance(key, str)},
        {names[key]: at for key, at in layout.offsets.items() if isinstance(key, int)},
        layout.arena,
        max(load),
    )


def overwritten(graph: Graph, lives: Mapping[str, Lifetime]) -> dict[tuple[str, str], Overlap]:
    """(input, output) pairs that may share bytes: the output must not start inside the input."""
    owner, found = shared_bytes(graph), {}
    for index, node in enumerate(graph.nodes, 1):
        op = TRAINING_OPS.get(node.op)
        for made, read in op.over.items() if op else ():
            name = owner[node.inputs[read]]
            if name in lives and lives[name].end == index + 1:
                unsafe = (((0, lives[name].size),),)
                found[name, node.outputs[made]] = Overlap(index, unsafe)
    return found


def _load(items: Sequence[Item], over: Mapping[tuple[str, str], Overlap], steps: int) -> list[int]:
    """Live bytes of each step; a pair that may share counts once where it meets."""
    size = {item.key: aligned(item.size) for item in items}
    load = [0] * steps
    for item in items:
        for step in range(item.first, item.last + 1):
            load[step] += aligned(item.size)
    for (read, made), overlap in over.items():
        load[overlap.stage] -= min(size[read], size[made])
    return load


def check_tail(tail: Tail) -> None:
    """Raise PlanError if two values that are alive together share a byte.

    Independent of the planner: paints every step. In pairs that may share, the output's life is
    taken to start after the input's end, and its place must not lie behind the input's.
    """
    lives = lifetimes(tail.graph)
    known = {name: t for name, t in lives.items() if name in tail.offsets}
    for (read, made), overlap in overwritten(tail.graph, lives).items():
        apart = tail.offsets[made] - tail.offsets[read]
        if 0 < apart < known[read].size:
            raise PlanError(f"{made} overtakes {read}")
        known[read] = replace(known[read], end=overlap.stage)
    places = dict(tail.offsets)
    for index, node in enumerate(tail.graph.nodes, 1):
        if node.name in tail.scratch:
            label = f"scratch of {node.name}"
            known[label] = Lifetime(index, index + 1, tail.kernels[node.name].scratch)
            places[label] = tail.scratch[node.name]
    found = conflicts(known, places)
    if found:
        a, b = sorted(found)[0]
        raise PlanError(f"{a} and {b} share bytes while both are alive")
