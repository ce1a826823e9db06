"""A run of operators executed in lock step by rows: its schedule and its rings.

The schedule needs no search: the operator nearest to the output that has its input rows runs, and
an operator runs only when one of its rows is wanted. Tensors that live only inside the run are
rings whose length is read off the schedule.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edge.ir import OPS, Graph, Node, RowRule
from edge.planning.kernels import ALIAS, Kernel
from edge.planning.rows import activations, bytes_read, row_bytes, row_count

Task = tuple[int, int]  # (operator of the run, row)


@dataclass(frozen=True)
class Operator:
    """A node, the kernel that runs it, its number of row calls and its scratch in bytes."""

    node: Node
    kernel: Kernel
    rows: int
    scratch: int

    @property
    def is_alias(self) -> bool:
        return self.kernel.name == ALIAS


@dataclass(frozen=True)
class Run:
    """Consecutive operators that form one stage; `inner` are the tensors nobody else needs."""

    operators: tuple[Operator, ...]
    inner: tuple[str, ...]

    @property
    def outputs(self) -> tuple[str, ...]:
        """The tensors that are kept whole."""
        return tuple(o.node.output for o in self.operators if o.node.output not in self.inner)

    @property
    def may_descend(self) -> bool:
        """Whether rows can be made from the last to the first: not if a kernel sees all at once."""
        return any(operator.rows > 1 for operator in self.operators)


def make_run(graph: Graph, kernels: Mapping[str, Kernel], nodes: Sequence[Node]) -> Run:
    """Present nodes as one stage."""
    alone = len(nodes) == 1
    operators = tuple(_operator(graph, node, kernels[node.name], alone) for node in nodes)
    return Run(operators, tuple(n.output for n in nodes if _is_inner(graph, n, nodes)))


def _operator(graph: Graph, node: Node, kernel: Kernel, alone: bool) -> Operator:
    return Operator(node, kernel, _rows(graph, node, kernel, alone), kernel.scratch(graph, node))


def _rows(graph: Graph, node: Node, kernel: Kernel, alone: bool) -> int:
    """A flat kernel on its own gets the whole tensor as one row: fewer calls, no short rows."""
    by_rows = not alone if kernel.flat else OPS[node.op].rows is RowRule.WINDOW
    return row_count(graph.type(node.output)) if by_rows else 1


def _is_inner(graph: Graph, node: Node, nodes: Sequence[Node]) -> bool:
    readers = graph.consumers[node.output]
    return bool(readers) and node.output not in graph.outputs and all(r in nodes for r in readers)


def schedule(graph: Graph, run: Run, descending: bool = False) -> list[Task]:
    """The row tasks of a run in execution order, from the last row to the first if `descending`."""
    producer = {o.node.output: i for i, o in enumerate(run.operators) if not o.is_alias}
    made = dict.fromkeys(producer.values(), 0)
    tasks: list[Task] = []

    def make(index: int, count: int) -> None:
        """Run operator `index` until it has made `count` rows."""
        operator = run.operators[index]
        while made[index] < count:
            row = operator.rows - 1 - made[index] if descending else made[index]
            for slot, name in activations(graph, operator.node):
                if name in producer:
                    source = run.operators[producer[name]]
                    make(producer[name], _wanted(graph, operator, source, slot, row, descending))
            tasks.append((index, row))
            made[index] += 1

    for index in sorted(made, reverse=True):
        make(index, run.operators[index].rows)
    return tasks


def _wanted(
    graph: Graph, reader: Operator, source: Operator, slot: int, row: int, descending: bool
) -> int:
    """How many rows `source` must have made before `reader` can make `row`."""
    low, high = rows_read(graph, reader, source, slot, row)
    if low == high:
        return 0
    return source.rows - low if descending else high


def rows_read(
    graph: Graph, reader: Operator, source: Operator, slot: int, row: int
) -> tuple[int, int]:
    """The rows [low, high) of what `source` makes that `reader` reads for `row`."""
    size = graph.type(source.node.output).nbytes // source.rows
    low, high = bytes_read(graph, reader.node, slot, row, reader.rows)
    return low // size, -(-high // size)


def ring_rows(graph: Graph, run: Run, tasks: Sequence[Task]) -> dict[str, int]:
    """Rows to keep of each inner tensor: the longest span of rows that are live at one time."""
    born, dead = _row_lives(graph, run, tasks)
    rings = {}
    for name in run.inner:
        rows = sorted((born[name, row], row) for key, row in born if key == name)
        rings[name] = max(
            _span([r for n, r in rows[: i + 1] if dead[name, r] >= now])
            for i, (now, _) in enumerate(rows)
        )
    return rings


def _row_lives(
    graph: Graph, run: Run, tasks: Sequence[Task]
) -> tuple[dict[tuple[str, int], int], dict[tuple[str, int], int]]:
    """The task that makes each row, and the last task that makes or reads it."""
    producer = {o.node.output: o for o in run.operators}
    born: dict[tuple[str, int], int] = {}
    dead: dict[tuple[str, int], int] = {}
    for now, (index, row) in enumerate(tasks):
        operator = run.operators[index]
        for slot, name in activations(graph, operator.node):
            if name in producer:
                first, end = rows_read(graph, operator, producer[name], slot, row)
                dead.update({(name, r): now for r in range(first, end)})
        born[operator.node.output, row] = dead[operator.node.output, row] = now
    return born, dead


def _span(rows: Sequence[int]) -> int:
    return max(rows) - min(rows) + 1


def ring_bytes(graph: Graph, rings: Mapping[str, int]) -> dict[str, int]:
    """The size of each ring."""
    return {name: rows * row_bytes(graph.type(name)) for name, rows in rings.items()}
