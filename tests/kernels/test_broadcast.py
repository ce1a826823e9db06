"""Operands that broadcast in any way: numpy == C."""

from __future__ import annotations

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from edge.planning.broadcasting import repeats, walk

from .cases import Case, activation, one_node, run
from .draws import PROPERTY, activations, assert_same, int8s, kinds, quantizations, rngs, roundings
from .host import Kernels


@st.composite
def broadcasts(draw: st.DrawFn, op: str) -> Case:
    """Operands of which either repeats along any axes."""
    rng = draw(rngs)
    made_shape = tuple(draw(st.lists(st.integers(1, 4), min_size=1, max_size=5)))
    shapes = [tuple(n if draw(st.booleans()) else 1 for n in made_shape) for _ in range(2)]
    assume(np.broadcast_shapes(*shapes) == made_shape)
    shapes[1] = shapes[1][draw(st.integers(0, _leading_ones(shapes[1]))) :] or (1,)
    a, b, made = draw(quantizations), draw(quantizations), draw(quantizations)
    assume(max(a.scale[0], b.scale[0]) / made.scale[0] < 2.0**8)
    inputs = [activation("a", shapes[0], a), activation("b", shapes[1], b)]
    graph = one_node(op, inputs, {"activation": draw(activations)}, draw(roundings), made)
    data = tuple(int8s(rng, draw(kinds), shape) for shape in shapes)
    return Case(graph, data, "mul_broadcast_s8" if op == "mul" else "add_broadcast_s8")


def _leading_ones(shape: tuple[int, ...]) -> int:
    return next((i for i, n in enumerate(shape) if n > 1), len(shape))


@PROPERTY
@given(case=st.one_of(broadcasts("add"), broadcasts("sub")))
def test_add_broadcasts_in_any_way(kernels: Kernels, case: Case) -> None:
    assert_same(run(kernels, case), case.expected)


@PROPERTY
@given(case=broadcasts("mul"))
def test_mul_broadcasts_in_any_way(kernels: Kernels, case: Case) -> None:
    assert_same(run(kernels, case), case.expected)


def test_neighbouring_axes_that_broadcast_alike_are_one() -> None:
    walked = walk([(1, 8, 6, 4), (1, 8, 1, 1)], (1, 8, 6, 4))
    assert walked.size == (8, 24)
    assert walked.steps == ((24, 1), (1, 0))
    assert not repeats((1, 8, 1, 1), (1, 8, 6, 4))
