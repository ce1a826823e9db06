"""Arena offsets: every pair of items that live at the same time forbids some distances.

Items are placed one after another, each where the arena grows least, in several orders; the row
direction of a stage is fixed when the first pair that depends on it is placed. Every order is
drawn from a fixed seed and the number of tries is fixed, so the result depends on the input alone.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from edge.planning.accesses import Interval
from edge.planning.lifetimes import ALIGN, Item, Key, Overlap, aligned

_PLACEMENTS = 6000  # items placed in all tries together: 0.3 s in CPython 3.11
_SEED = 1


@dataclass(frozen=True)
class Layout:
    """Where the items are; `descending` are the stages that must run from the last row up."""

    offsets: Mapping[Key, int]
    descending: frozenset[int]
    arena: int


@dataclass(frozen=True)
class Problem:
    """Items with the pairs that may overlap, prepared for placement."""

    items: Mapping[Key, Item]
    overlaps: Mapping[tuple[Key, Key], Overlap]
    neighbours: Mapping[Key, tuple[Key, ...]]

    def undecided(self, key: Key, placed: Mapping[Key, int], ways: Mapping[int, int]) -> list[int]:
        """Stages whose direction `key` depends on, given what is placed, and that have none yet."""
        pairs = ((key, other) for other in self.neighbours[key] if other in placed)
        found = (self.overlaps.get(p) or self.overlaps.get(p[::-1]) for p in pairs)
        stages = {o.stage for o in found if o and len(o.unsafe) > 1}
        return sorted(stages - ways.keys())

    def unsafe(self, fixed: Key, moving: Key, ways: Mapping[int, int]) -> Iterator[Interval]:
        """Open intervals of `moving offset - fixed offset` that are excluded."""
        if overlap := self.overlaps.get((fixed, moving)):
            yield from overlap.unsafe[ways.get(overlap.stage, 0)]
        elif overlap := self.overlaps.get((moving, fixed)):
            for low, high in overlap.unsafe[ways.get(overlap.stage, 0)]:
                yield -high, -low
        else:
            yield -self.items[moving].size, self.items[fixed].size


def make_problem(items: Sequence[Item], overlaps: Mapping[tuple[str, str], Overlap]) -> Problem:
    """Find out which items live at the same time."""
    neighbours = {
        a.key: tuple(b.key for b in items if b is not a and a.meets(b) and a.size and b.size)
        for a in items
    }
    pairs: dict[tuple[Key, Key], Overlap] = {(a, b): o for (a, b), o in overlaps.items()}
    return Problem({item.key: item for item in items}, pairs, neighbours)


def solve(problem: Problem, load: Sequence[int], bound: int) -> Layout:
    """The smallest arena found; `load` are the live bytes of each stage, `bound` a lower bound.

    Starts from three plain orders, then varies the best one; stops at the bound.
    """
    rng = random.Random(_SEED)
    orders = _plain_orders(problem, load)
    best = _place(problem, orders[0], None)
    kept = orders[0]
    for attempt in range(1, max(40, _PLACEMENTS // max(len(problem.items), 1))):
        if best.arena <= bound:
            break
        plain = attempt < len(orders)
        order = orders[attempt] if plain else _varied(kept, rng)
        layout = _place(problem, order, None if plain else rng)
        if layout.arena <= best.arena:
            best, kept = layout, order
    return best


def _plain_orders(problem: Problem, load: Sequence[int]) -> list[list[Key]]:
    """By the load of the fullest stage an item lives in, by size, and by time."""

    def fullest(item: Item) -> int:
        return max(load[max(item.first, 0) : item.last + 1], default=0)

    items = list(problem.items.values())
    ranks = (
        lambda item: (-fullest(item), item.first, -item.size),
        lambda item: (-item.size, item.first),
        lambda item: (item.first, -item.size),
    )
    return [[item.key for item in sorted(items, key=rank)] for rank in ranks]


def _varied(order: Sequence[Key], rng: random.Random) -> list[Key]:
    """The order with a few items moved elsewhere, now and then a wholly different one."""
    varied = list(order)
    if rng.random() < 0.1:
        rng.shuffle(varied)
    for _ in range(rng.randint(1, 3)):
        key = varied.pop(rng.randrange(len(varied)))
        varied.insert(rng.randint(0, len(varied)), key)
    return varied


def _place(problem: Problem, order: Sequence[Key], rng: random.Random | None) -> Layout:
    """Place items in this order; equally good places are told apart by chance if `rng` is given."""
    placed: dict[Key, int] = {}
    ways: dict[int, int] = {}
    bottom = top = 0
    for key in order:
        size = problem.items[key].size
        candidates = [
            (max(top, at + size) - min(bottom, at), rng.random() if rng else abs(at), at, chosen)
            for chosen in _directions(problem.undecided(key, placed, ways))
            for at in _free_places(problem, key, placed, {**ways, **chosen}, bottom, top)
        ]
        _, _, at, chosen = min(candidates, key=lambda candidate: candidate[:3])
        placed[key] = at
        ways.update(chosen)
        bottom, top = min(bottom, at), max(top, at + size)
    descending = frozenset(stage for stage, way in ways.items() if way)
    return Layout(
        {key: at - bottom for key, at in placed.items()}, descending, aligned(top - bottom)
    )


def _directions(stages: Sequence[int]) -> list[dict[int, int]]:
    """All ways to give these stages a direction."""
    ways = itertools.product((0, 1), repeat=len(stages))
    return [dict(zip(stages, way, strict=True)) for way in ways]


def _free_places(
    problem: Problem,
    key: Key,
    placed: Mapping[Key, int],
    ways: Mapping[int, int],
    bottom: int,
    top: int,
) -> list[int]:
    """The aligned offsets that touch something and are not excluded."""
    bans = [
        ((placed[other] + low) // ALIGN * ALIGN, aligned(placed[other] + high))
        for other in problem.neighbours[key]
        if other in placed
        for low, high in problem.unsafe(other, key, ways)
    ]
    highest = (top - problem.items[key].size) // ALIGN * ALIGN
    places = {bottom, max(bottom, highest), *itertools.chain.from_iterable(bans)}
    return [at for at in sorted(places) if not any(low < at < high for low, high in bans)]
