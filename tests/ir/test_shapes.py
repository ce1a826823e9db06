"""Shape rules against torch, which knows the same operators."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from edge.ir import shapes

sizes = st.integers(1, 9)


@given(size=sizes, kernel=sizes, stride=st.integers(1, 4), pad=st.integers(0, 3),
       dilation=st.integers(1, 3))  # fmt: skip
def test_window_counts_the_places_where_the_window_fits(
    size: int, kernel: int, stride: int, pad: int, dilation: int
) -> None:
    span = (kernel - 1) * dilation + 1
    assume(span <= size + 2 * pad)
    places = range(-pad, size + pad - span + 1, stride)
    assert shapes.window(size, kernel, stride, pad, pad, dilation) == len(places)


@given(st.lists(sizes, min_size=1, max_size=3), st.lists(sizes, min_size=1, max_size=3))
def test_broadcast_agrees_with_numpy(a: list[int], b: list[int]) -> None:
    try:
        expected = np.broadcast_shapes(tuple(a), tuple(b))
    except ValueError:
        with pytest.raises(ValueError, match="broadcast"):
            shapes.broadcast([tuple(a), tuple(b)], {})
    else:
        assert shapes.broadcast([tuple(a), tuple(b)], {}) == [expected]


@given(n=st.integers(1, 12), begin=st.integers(0, 11), end=st.integers(1, 12),
       step=st.integers(1, 4))  # fmt: skip
def test_slice_agrees_with_python(n: int, begin: int, end: int, step: int) -> None:
    assume(begin < end <= n)
    attrs = {"begin": (begin,), "end": (end,), "strides": (step,)}
    assert shapes.strided_slice([(n,)], attrs) == [(len(range(n)[begin:end:step]),)]


@pytest.mark.parametrize(
    ("rule", "inputs", "attrs", "reason"),
    [
        (shapes.linear, [(1, 4), (3, 5)], {}, "weight takes 5"),
        (shapes.concat, [(1, 2), (1, 3, 1)], {"axis": 1}, "cannot concatenate"),
        (shapes.reshape, [(1, 6)], {"shape": (4, 2)}, "cannot reshape"),
        (shapes.transpose, [(1, 2)], {"permutation": (0, 0)}, "permutation"),
        (shapes.pad, [(2, 2)], {"padding": (0, 0, -1, 0)}, "padding"),
        (shapes.resize, [(1, 2, 2, 1)], {"size": (0, 4)}, "resize"),
        (shapes.pool2d, [(1, 2, 2, 1)],
         {"kernel": (3, 3), "stride": (1, 1), "padding": (0, 0, 0, 0)}, "does not fit"),
    ],
)  # fmt: skip
def test_a_rule_says_why_inputs_do_not_fit(rule, inputs: list, attrs: dict, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        rule(inputs, attrs)
