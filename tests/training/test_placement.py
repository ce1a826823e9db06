"""Offsets for a published training step: 135 tensors of MCUNet-5FPS, "49kb" scheme."""

from __future__ import annotations

import json
import time

import pytest

from edge.planning.lifetimes import Item
from edge.planning.offsets import make_problem, solve
from edge.training.conflicts import Lifetime, conflicts, most_alive
from tests.models.mcunet import FOLDER, needed

ARENA = 163_840


def _published() -> tuple[dict[str, Lifetime], dict[str, int]]:
    """Lifetimes and TinyEngine's own offsets."""
    rects = json.loads((FOLDER / "liveness-49kb.json").read_text())["rects"]
    tensors = {r["name"]: Lifetime(r["start"], r["end"], r["size"]) for r in rects}
    return tensors, {r["name"]: r["placement"] for r in rects}


@needed
def test_the_planner_reaches_the_bound_in_less_than_a_second() -> None:
    tensors, _ = _published()
    items = [Item(name, t.size, t.start, t.end - 1) for name, t in tensors.items()]
    load = [
        sum(i.size for i in items if i.first <= step <= i.last)
        for step in range(max(t.end for t in tensors.values()))
    ]
    begin = time.process_time()
    layout = solve(make_problem(items, {}), load, max(load))
    assert time.process_time() - begin < 1
    assert layout.arena == most_alive(tensors) == ARENA
    offsets = {str(key): at for key, at in layout.offsets.items()}
    assert not conflicts(tensors, offsets)


@needed
def test_the_checker_finds_the_two_conflicts_of_the_published_placement() -> None:
    found = {frozenset(pair) for pair in conflicts(*_published())}
    assert found == {
        frozenset(("out_nn.mcutruncate@77", "out_nn.mcutruncate@81")),
        frozenset(("label", "out_nn.cross_entropy_with_logits@104")),
    }


def test_the_checker_sees_a_single_shared_byte() -> None:
    tensors = {"a": Lifetime(0, 2, 8), "b": Lifetime(1, 3, 8), "c": Lifetime(2, 4, 8)}
    assert not conflicts(tensors, {"a": 0, "b": 8, "c": 0})
    assert conflicts(tensors, {"a": 0, "b": 7, "c": 16}) == {("a", "b")}


@pytest.mark.parametrize("end", [1, 5])
def test_equal_lifetimes_meet(end: int) -> None:
    tensors = {"a": Lifetime(0, end, 4), "b": Lifetime(0, end, 4)}
    assert conflicts(tensors, {"a": 0, "b": 2}) == {("a", "b")}
