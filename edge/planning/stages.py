"""A run of operators executed in lock step by rows: its schedule and its rings.

The schedule needs no search: the operator nearest to the output that has its input rows runs, and
an operator runs only when one of its rows is wanted. Tensors that live only inside the run are
rings whose length is read off the schedule.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from edge.ir import OPS, Graph, Node, RowRule
from edge.planning.choice import gathering
from edge.planning.kernels import ALIAS, ARRIVAL, INPUT, Kernel
from edge.planning.rows import activations, advances, bytes_made, bytes_read, row_bytes, row_count

Ints = npt.NDArray[np.int64]
Task = tuple[int, int]  # (operator of the run, row)


@dataclass(frozen=True, eq=False)
class Spans:
    """The bytes [low[row], high[row]) of a tensor that each row call accesses."""

    name: str
    slot: int
    low: Ints
    high: Ints


@dataclass(frozen=True, eq=False)
class Operator:
    """A node, the kernel that runs it, its number of row calls, and what each of them accesses.

    `scratch` is the kernel's working memory in bytes, `sums` what it keeps between its calls.
    """

    node: Node
    kernel: Kernel
    rows: int
    scratch: int
    sums: int
    made: Spans
    reads: tuple[Spans, ...]

    @property
    def is_alias(self) -> bool:
        return self.kernel.name == ALIAS


@dataclass(frozen=True, eq=False)
class Run:
    """Consecutive operators that form one stage; `inner` are the tensors nobody else needs.

    `in_place` maps an inner tensor to the one that its reader writes over it, row by row.
    """

    operators: tuple[Operator, ...]
    inner: tuple[str, ...]
    in_place: Mapping[str, str]

    @property
    def outputs(self) -> tuple[str, ...]:
        """The tensors that are kept whole."""
        return tuple(o.node.output for o in self.operators if o.node.output not in self.inner)

    @property
    def scratch(self) -> int:
        return max(operator.scratch for operator in self.operators)

    @property
    def may_descend(self) -> bool:
        """Whether rows can be made from the last to the first.

        Not if a kernel sees all at once or adds up rows, or if the caller gives them.
        """
        upwards = any(o.kernel.gathers or o.kernel.name == INPUT for o in self.operators)
        return not upwards and any(operator.rows > 1 for operator in self.operators)

    @cached_property
    def producers(self) -> dict[str, int]:
        """The operator that makes each tensor."""
        return {o.node.output: i for i, o in enumerate(self.operators) if not o.is_alias}


def make_run(graph: Graph, kernels: Mapping[str, Kernel], nodes: Sequence[Node]) -> Run:
    """Present nodes as one stage."""
    alone = len(nodes) == 1
    operators = [
        make_operator(graph, node, kernels.get(node.name, ARRIVAL), alone, node is nodes[-1])
        for node in nodes
    ]
    return join(graph, operators)


def join(graph: Graph, operators: Sequence[Operator]) -> Run:
    """Operators as one stage."""
    names = {operator.node.name for operator in operators}
    inner = tuple(
        o.node.output for o in operators if len(operators) > 1 and _is_inner(graph, o.node, names)
    )
    return Run(tuple(operators), inner, _in_place(graph, operators, inner))


def _is_inner(graph: Graph, node: Node, names: set[str]) -> bool:
    readers = graph.consumers[node.output]
    return (
        bool(readers)
        and node.output not in graph.kept
        and all(reader.name in names for reader in readers)
    )


def make_operator(
    graph: Graph, node: Node, kernel: Kernel, alone: bool, last: bool = False
) -> Operator:
    """Present a node; the last of several gathers the rows of its input if a kernel can."""
    if last and not alone:
        kernel = gathering(graph, node) or kernel
    rows = _rows(graph, node, kernel, alone)
    made = [bytes_made(graph, node, row, rows) for row in range(rows)]
    reads = (
        _spans(name, slot, [bytes_read(graph, node, slot, row, rows) for row in range(rows)])
        for slot, name in activations(graph, node)
    )
    return Operator(
        node,
        kernel,
        rows,
        kernel.scratch(graph, node),
        kernel.sums(graph, node),
        _spans(node.output, -1, made),
        tuple(reads),
    )


def _spans(name: str, slot: int, pairs: Sequence[tuple[int, int]]) -> Spans:
    low, high = np.array(pairs, np.int64).reshape(-1, 2).T
    return Spans(name, slot, low, high)


def _rows(graph: Graph, node: Node, kernel: Kernel, alone: bool) -> int:
    """A flat kernel on its own gets the whole tensor as one row: fewer calls, no short rows."""
    if kernel.gathers:
        return row_count(graph.type(node.inputs[0]))
    if kernel.name == INPUT:
        return row_count(graph.type(node.output))
    by_rows = not alone if kernel.flat else OPS[node.op].rows is RowRule.WINDOW
    return row_count(graph.type(node.output)) if by_rows else 1


def _in_place(graph: Graph, operators: Sequence[Operator], inner: Sequence[str]) -> dict[str, str]:
    """Inner tensors whose only reader, an elementwise operator, may write over them.

    Their rows must be made right before they are read, so that nothing else happens in between.
    Where another operand is a whole tensor that may die here, the result had better take its place.
    """
    maker = {operator.node.output: operator for operator in operators}
    found = {}
    for reader in operators:
        made_here = [span.name for span in reader.reads if span.name in maker]
        if not made_here or not (reader.kernel.flat and reader.kernel.buffered):
            continue
        name = made_here[-1]
        fits = _covers(graph, maker[name], reader)
        alone = len(made_here) == len(reader.reads) or reader.node.output in inner
        if fits and alone and name in inner and len(graph.consumers[name]) == 1:
            found[name] = reader.node.output
    return found


def _covers(graph: Graph, operator: Operator, reader: Operator) -> bool:
    """Whether each row that `reader` makes is as large as the one it reads from `operator`."""
    node = reader.node
    slot = node.inputs.index(operator.node.output)
    sizes = [graph.type(name).nbytes for name in (operator.node.output, node.output)]
    return operator.rows == reader.rows and sizes[0] == sizes[1] and advances(graph, node, slot)


def schedule(graph: Graph, run: Run, descending: bool = False) -> list[Task]:
    """The row tasks of a run in execution order, from the last row to the first if `descending`.

    What lives only inside the run is made as far as it is wanted, everything else completely. The
    caller of a streamed input gives all of its rows.
    """
    wanted = _wanted(graph, run, descending)
    made = [0] * len(run.operators)
    tasks: list[Task] = []

    def make(index: int, count: int) -> None:
        """Run operator `index` until it has made `count` rows."""
        rows = run.operators[index].rows
        while made[index] < count:
            row = rows - 1 - made[index] if descending else made[index]
            for source, counts in wanted[index]:
                if made[source] < counts[row]:
                    make(source, counts[row])
            tasks.append((index, row))
            made[index] += 1

    for index in reversed(range(len(run.operators))):
        operator = run.operators[index]
        needed = operator.node.output not in run.inner or operator.kernel.name == INPUT
        if needed and not operator.is_alias:
            make(index, operator.rows)
    return tasks


def _wanted(graph: Graph, run: Run, descending: bool) -> list[list[tuple[int, list[int]]]]:
    """For each operator: (source, how many rows it must have made before each row), a read each."""
    table = []
    for operator in run.operators:
        counts = []
        for span in operator.reads:
            if span.name in run.producers:
                source = run.producers[span.name]
                counts.append((source, _counts(graph, span, run.operators[source], descending)))
        table.append(counts)
    return table


def _counts(graph: Graph, span: Spans, source: Operator, descending: bool) -> list[int]:
    first, end = rows_of(graph, span, source.rows)
    wanted = source.rows - first if descending else end
    counts: list[int] = np.where(first < end, wanted, 0).tolist()
    return counts


def rows_of(graph: Graph, span: Spans, rows: int) -> tuple[Ints, Ints]:
    """The rows [first, end), of `rows` in all, that each call accesses."""
    size = graph.type(span.name).nbytes // rows
    return span.low // size, -(-span.high // size)


def ring_rows(graph: Graph, run: Run, tasks: Sequence[Task]) -> dict[str, int]:
    """Rows to keep of each inner tensor: the longest span of rows that are live at one time.

    A tensor that is written over in place is kept as its reader's output is.
    """
    lives = _row_lives(graph, run, tasks)
    rings = {name: _longest(*lives[name]) for name in run.inner if name not in run.in_place}
    for name in run.in_place:
        kept = holder(run, name)
        rings[name] = rings.get(kept, run.operators[run.producers[kept]].rows)
    return {name: rings[name] for name in run.inner}


def holder(run: Run, name: str) -> str:
    """The tensor whose memory an inner tensor takes: its own, or that of what is made in place."""
    while name in run.in_place:
        name = run.in_place[name]
    return name


def _row_lives(graph: Graph, run: Run, tasks: Sequence[Task]) -> dict[str, tuple[Ints, Ints]]:
    """For each row of each tensor made here the task that makes it and the last that needs it.

    -1 for rows that are not made. Tensors that share memory share their lives.
    """
    kept = {name: holder(run, name) for name in run.producers}
    born: dict[str, Ints] = {}
    dead: dict[str, Ints] = {}
    for name in {*kept.values()}:
        rows = run.operators[run.producers[name]].rows
        born[name], dead[name] = np.full(rows, -1), np.full(rows, -1)
    windows = [
        [(kept[s.name], *_as_lists(graph, run, s)) for s in o.reads if s.name in run.producers]
        for o in run.operators
    ]
    for now, (index, row) in enumerate(tasks):
        for name, first, end in windows[index]:
            dead[name][first[row] : end[row]] = now
        name = kept.get(run.operators[index].node.output, "")
        if not run.operators[index].kernel.gathers:
            born[name][row] = now if born[name][row] < 0 else born[name][row]
            dead[name][row] = now
    return {name: (born[name], dead[name]) for name in born}


def _as_lists(graph: Graph, run: Run, span: Spans) -> tuple[list[int], list[int]]:
    first, end = rows_of(graph, span, run.operators[run.producers[span.name]].rows)
    return first.tolist(), end.tolist()


def _longest(born: Ints, dead: Ints) -> int:
    """The longest span of rows of which the first is still needed when the last is made."""
    made = np.flatnonzero(born >= 0)
    if len(made) and born[made[0]] > born[made[-1]]:
        return _longest(born[::-1], dead[::-1])
    last_need = np.maximum.accumulate(dead)
    lowest = np.searchsorted(last_need, born[made])
    return int(np.max(made - lowest + 1, initial=1))


def ring_bytes(graph: Graph, run: Run, rings: Mapping[str, int]) -> dict[str, int]:
    """The size of each ring that has memory of its own."""
    own = {name: rows for name, rows in rings.items() if name not in run.in_place}
    return {name: rows * row_bytes(graph.type(name)) for name, rows in own.items()}
