"""Recurrent operators, in float32 and int8.

gru, as torch.nn.GRU defines it, for each step with hidden values h (Cho et al. 2014,
arXiv:1406.1078, with the reset gate behind the matrix product):

    r, z = sigmoid(a_r + b_r), sigmoid(a_z + b_z), n = tanh(a_n + r * b_n), h' = n + z * (h - n)

a are the input's projections and b the hidden values'. In int8 h is Q0.7, stored with the scale
1/128; a and b are Q3.12 and the functions Q0.15, as edge.quantization.recurrent defines them:

    r, z = sigmoid(clamp16(a_r + b_r)), sigmoid(clamp16(a_z + b_z))
    n    = tanh(clamp16(a_n + ((r * b_n + 2**14) >> 15)))
    h'   = clamp8((n + ((z * (256 * h - n) + 2**14) >> 15) + 128) >> 8)

lstm, as torch.nn.LSTM defines it, with cell values c (Hochreiter and Schmidhuber 1997, with the
forget gate of Gers et al. 2000):

    i, f, o = sigmoid(a_i + b_i), ..., g = tanh(a_g + b_g), c' = f * c + i * g, h' = o * tanh(c')

In int8 c is Q4.11 and all of i, f, g, o are functions of clamp16(a + b):

    c' = clamp16((f * c + ((i * g) >> 4) + 2**14) >> 15)
    h' = clamp8((o * tanh(clamp16(2 * c')) + 2**22) >> 23)

Its output holds 16 * h', which is Q4.11 too, and c'.

As each step starts from stored values, a sequence gives the same bits in one call or step by step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from edge.ir.types import Array
from edge.quantization.fixed_point import once
from edge.quantization.recurrent import Projection, recurrent, tanh_table
from edge.reference.call import Call

Numbers = npt.NDArray[Any]
Int64s = npt.NDArray[np.int64]

_HALF, _ONE = 2**14, 2**15
_INT16, _INT8 = np.iinfo(np.int16), np.iinfo(np.int8)


def gru_float(call: Call) -> Array:
    """x [samples, steps, features] to the hidden values of each step [samples, steps, units]."""
    weights, hidden_weights, bias, hidden_bias = (call.input(slot) for slot in range(1, 5))
    given = call.input(0) @ weights.T + bias

    def step(a: Numbers, state: State) -> State:
        (h,) = state
        (a_r, a_z, a_n), (b_r, b_z, b_n) = gates(a), gates(h @ hidden_weights.T + hidden_bias)
        r, z = _logistic(a_r + b_r), _logistic(a_z + b_z)
        n = np.tanh(a_n + r * b_n)
        return (np.asarray(n + z * (h - n), np.float32),)

    steps = unrolled(given, initial(call, np.float32), step)
    return np.stack([h for (h,) in steps], axis=1)


def gru_int8(call: Call) -> Array:
    constants = recurrent(call.graph, call.node)
    given = _projected(constants.input, call.input(0))

    def step(a: Numbers, state: State) -> State:
        (h,) = state
        (a_r, a_z, a_n), (b_r, b_z, b_n) = gates(a), gates(_projected(constants.hidden, h))
        r, z = sigmoid(_clamp16(a_r + b_r)), sigmoid(_clamp16(a_z + b_z))
        n = tanh(_clamp16(a_n + ((r * b_n + _HALF) >> 15)))
        mixed = n + ((z * ((h.astype(np.int64) << 8) - n) + _HALF) >> 15)
        return (_clamp8((mixed + 128) >> 8),)

    steps = unrolled(given, initial(call, np.int8), step)
    return np.stack([h for (h,) in steps], axis=1)


def lstm_float(call: Call) -> Array:
    """x [samples, steps, features] to [samples, steps, 2 * units]: hidden, then cell values."""
    weights, hidden_weights, bias, hidden_bias = (call.input(slot) for slot in range(1, 5))
    given = call.input(0) @ weights.T + bias

    def step(a: Numbers, state: State) -> State:
        h, c = state
        i, f, g, o = gates(a + (h @ hidden_weights.T + hidden_bias), 4)
        c = _logistic(f) * c + _logistic(i) * np.tanh(g)
        return np.asarray(_logistic(o) * np.tanh(c), np.float32), np.asarray(c, np.float32)

    steps = unrolled(given, initial(call, np.float32, np.float32), step)
    return np.stack([np.concatenate(state, axis=-1) for state in steps], axis=1)


def lstm_int8(call: Call) -> Array:
    constants = recurrent(call.graph, call.node)
    given = _projected(constants.input, call.input(0))

    def step(a: Numbers, state: State) -> State:
        h, c = state
        i, f, g, o = gates(_clamp16(a + _projected(constants.hidden, h)), 4)
        kept, added = sigmoid(f) * c, (sigmoid(i) * tanh(g)) >> 4
        c = _clamp16((kept + added + _HALF) >> 15)
        shown = sigmoid(o) * tanh(_clamp16(2 * c))
        return _clamp8((shown + 2**22) >> 23), c

    steps = unrolled(given, initial(call, np.int8, np.int64), step)
    made = [np.concatenate([h.astype(np.int64) << 4, c], axis=-1) for h, c in steps]
    return np.stack(made, axis=1).astype(np.int16)


def hidden_float(call: Call) -> Array:
    """The first half of the last axis: the hidden values of an lstm."""
    return call.input(0)[..., : call.output.shape[-1]]


def hidden_int16(call: Call) -> Array:
    """The same in int8: clamp8((x + 8) >> 4)."""
    return _clamp8((hidden_float(call).astype(np.int64) + 8) >> 4)


State = tuple[Numbers, ...]


def initial(call: Call, *types: type[np.generic]) -> State:
    """Hidden values, and cell values if there are two types, before the first step."""
    samples, units = len(call.input(0)), call.input(2).shape[1]
    given = (call.optional(slot) for slot in (5, 6))
    return tuple(
        np.zeros((samples, units), kind)
        if x is None
        else np.broadcast_to(x.reshape(-1, units).astype(kind), (samples, units))
        for x, kind in zip(given, types, strict=False)
    )


def unrolled(given: Numbers, state: State, step: Callable[[Numbers, State], State]) -> list[State]:
    """The state after each step of `given` [samples, steps, ...]."""
    states = []
    for now in range(given.shape[1]):
        state = step(given[:, now], state)
        states.append(state)
    return states


def gates(projected: Numbers, count: int = 3) -> list[Numbers]:
    """The parts of each gate."""
    return np.split(projected, count, axis=-1)


def _logistic(x: Numbers) -> Numbers:
    with np.errstate(over="ignore"):
        return np.asarray(1 / (1 + np.exp(-x)), x.dtype)


def _projected(projection: Projection, x: Numbers) -> Int64s:
    """int8[..., size] to gate inputs in Q3.12."""
    # Exact: sums stay below 2**31, which float64 holds whatever the order of addition.
    product = x.astype(np.float64) @ projection.weights.T.astype(np.float64)
    sums = product.astype(np.int64) + projection.bias
    return _clamp16(once(sums, projection.multiplier, projection.shift))


def _clamp8(x: Int64s) -> npt.NDArray[np.int8]:
    return np.clip(x, _INT8.min, _INT8.max).astype(np.int8)


def _clamp16(x: Int64s) -> Int64s:
    return np.asarray(np.clip(x, _INT16.min, _INT16.max), np.int64)


def tanh(x: Int64s) -> Int64s:
    """Q3.12 to Q0.15; see edge.quantization.recurrent."""
    table = tanh_table().astype(np.int64)
    magnitude = np.minimum(np.abs(x), _INT16.max)
    index, fraction = magnitude >> 7, magnitude & 127
    start = table[index]
    found = start + (((table[index + 1] - start) * fraction + 64) >> 7)
    return np.asarray(np.where(x < 0, -found, found), np.int64)


def sigmoid(x: Int64s) -> Int64s:
    """Q3.12 to Q0.15, 2**15 included; see edge.quantization.recurrent."""
    return (_ONE + 1 + tanh(x >> 1)) >> 1
