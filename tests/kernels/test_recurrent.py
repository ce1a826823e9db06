"""Recurrent operators: numpy == C, in one call and step by step."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edge.ir import DType, Graph, Node, TensorType, Value, check
from edge.planning.recurrent import gates_bytes
from edge.quantization.sharing import CELLS, SIGNED_UNIT
from edge.reference import run
from edge.reference.recurrent import sigmoid, tanh
from tests.models import recurrent

from .cases import Case
from .cases import run as run_case
from .draws import PROPERTY, assert_same, rngs, roundings, zero_points
from .host import GuardedBytes, Kernels


@st.composite
def layers(draw: st.DrawFn, make: Callable[..., Graph]) -> Graph:
    sizes = recurrent.Sizes(*(draw(st.integers(1, most)) for most in (5, 20, 13)))
    return make(
        draw(rngs),
        sizes,
        gain=2.0 ** draw(st.integers(-6, 6)),
        initial=draw(st.booleans()),
        zero_point=draw(zero_points),
        rounding=draw(roundings),
    )


def made_in_c(kernels: Kernels, case: Case) -> np.ndarray:
    out = GuardedBytes(case.graph.type(case.node.output).nbytes)
    scratch = GuardedBytes(gates_bytes(case.graph, case.node))
    kernels.call(case.kernel, case.descriptor, case.presented, 0, out.inside, scratch.inside)
    out.check()
    scratch.check()
    return case.shaped(out)


@PROPERTY
@given(graph=layers(recurrent.gru), rng=rngs)
def test_gru(kernels: Kernels, graph: Graph, rng: np.random.Generator) -> None:
    inputs = tuple(recurrent.samples(rng, graph))
    case = Case(graph, inputs, "gru_s8")
    assert_same(made_in_c(kernels, case), case.expected)


@PROPERTY
@given(graph=layers(recurrent.lstm), rng=rngs)
def test_lstm(kernels: Kernels, graph: Graph, rng: np.random.Generator) -> None:
    inputs = tuple(recurrent.samples(rng, graph))
    case = Case(graph, inputs, "lstm_s8")
    assert_same(made_in_c(kernels, case), case.expected)


def test_hidden_values_are_taken_out_of_what_an_lstm_makes(kernels: Kernels) -> None:
    x = np.random.default_rng(0).integers(-(2**15), 2**15, (1, 6, 10)).astype(np.int16)
    values = {
        "x": Value("x", TensorType(x.shape, DType.INT16, CELLS)),
        "y": Value("y", TensorType((1, 6, 5), DType.INT8, SIGNED_UNIT)),
    }
    graph = check(Graph("h", ("x",), ("y",), (Node("h", "hidden", ("x",), ("y",)),), values))
    case = Case(graph, (x,), "hidden_s16_s8")
    assert_same(run_case(kernels, case), case.expected)


def test_a_sequence_equals_its_steps_one_by_one() -> None:
    whole, step = (
        recurrent.gru(np.random.default_rng(3), recurrent.Sizes(steps, 9, 14)) for steps in (20, 1)
    )
    x, hidden = recurrent.samples(np.random.default_rng(4), whole)
    at_once = run(whole, [x, hidden])["y"]
    for now in range(20):
        hidden = run(step, [x[:, now : now + 1], hidden])["y"]
        np.testing.assert_array_equal(hidden[0, 0], at_once[0, now])


def test_an_lstm_goes_on_from_its_own_values() -> None:
    whole, step = (
        recurrent.lstm(np.random.default_rng(3), recurrent.Sizes(n, 9, 14)) for n in (20, 1)
    )
    x, hidden, cells = recurrent.samples(np.random.default_rng(4), whole)
    at_once = run(whole, [x, hidden, cells])["y"]
    for now in range(20):
        made = run(step, [x[:, now : now + 1], hidden, cells])["y"]
        np.testing.assert_array_equal(made[0, 0], at_once[0, now])
        hidden, cells = (made[..., :14] >> 4).astype(np.int8), made[..., 14:]


def test_functions_of_gates_are_within_four_steps_of_the_real_ones() -> None:
    x = np.arange(-(2**15), 2**15)
    real = x / 2**12
    assert np.abs(tanh(x) - 2**15 * np.tanh(real)).max() < 4
    assert np.abs(sigmoid(x) - 2**15 / (1 + np.exp(-real))).max() < 6
