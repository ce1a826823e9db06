"""The order of operators: it matters where branches make tensors wait for each other.

Exact search over the sets of finished operators, for the smallest sum of live tensors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edge.ir import Graph
from edge.planning.cutting import Group
from edge.planning.rows import activations

_MOST_SETS = 200  # of finished operators, at one depth; beyond, the given order is kept


@dataclass(frozen=True)
class _Search:
    """Groups as bits: what each needs done, what it makes, and who must be done to free it."""

    needs: tuple[int, ...]
    makes: tuple[tuple[tuple[str, int], ...], ...]
    readers: Mapping[str, int]
    inputs: tuple[tuple[str, int], ...]

    def live(self, done: int) -> int:
        """Bytes that wait for a reader when the groups in `done` are finished."""
        made = [t for i, tensors in enumerate(self.makes) if done >> i & 1 for t in tensors]
        return sum(size for name, size in (*self.inputs, *made) if self.readers[name] & ~done)

    def peak(self, order: Sequence[int]) -> int:
        done, peak = 0, 0
        for index in order:
            peak = max(peak, self.live(done) + self.made(index))
            done |= 1 << index
        return peak

    def made(self, index: int) -> int:
        return sum(size for _, size in self.makes[index])

    def ready(self, done: int) -> list[int]:
        groups = range(len(self.needs))
        return [i for i in groups if not (done >> i & 1 or self.needs[i] & ~done)]


def best_order(graph: Graph, groups: Sequence[Group], owner: Mapping[str, str]) -> list[Group]:
    """The groups in the order of the smallest peak; unchanged if no other order is better."""
    search = _search(graph, groups, owner)
    order = _exact(search)
    given = range(len(groups))
    if order is None or search.peak(order) >= search.peak(given):
        return list(groups)
    return [groups[index] for index in order]


def _search(graph: Graph, groups: Sequence[Group], owner: Mapping[str, str]) -> _Search:
    maker = {n.output: i for i, group in enumerate(groups) for n in group}
    never = 1 << len(groups)
    readers = dict.fromkeys(owner.values(), 0)
    stays = (*graph.kept, *(state.read for state in graph.states))
    readers.update((owner[name], never) for name in stays)
    needs = [0] * len(groups)
    for index, group in enumerate(groups):
        for node in group:
            for _, name in activations(graph, node):
                readers[owner[name]] |= 1 << index
                needs[index] |= 1 << maker[name] if name in maker else 0
        needs[index] &= ~(1 << index)
    makes = tuple(
        tuple(
            (n.output, graph.type(n.output).nbytes)
            for n in group
            if _is_whole(graph, n.output, group, owner)
        )
        for group in groups
    )
    inputs = tuple((name, graph.type(name).nbytes) for name in graph.given)
    return _Search(tuple(needs), makes, readers, inputs)


def _is_whole(graph: Graph, name: str, group: Group, owner: Mapping[str, str]) -> bool:
    inside = graph.consumers[name] and all(reader in group for reader in graph.consumers[name])
    return owner[name] == name and not inside


def _exact(search: _Search) -> list[int] | None:
    """The best order, or None if there are too many sets to look at."""
    frontier: dict[int, tuple[int, tuple[int, ...]]] = {0: (0, ())}
    for _ in search.needs:
        following: dict[int, tuple[int, tuple[int, ...]]] = {}
        for done, (peak, order) in frontier.items():
            live = search.live(done)
            for index in search.ready(done):
                cost = max(peak, live + search.made(index))
                key = done | 1 << index
                if key not in following or cost < following[key][0]:
                    following[key] = (cost, (*order, index))
        if len(following) > _MOST_SETS:
            return None
        frontier = following
    return list(next(iter(frontier.values()))[1])
