"""gru and lstm in float32 bit for bit as runtime/kernels/ref/recurrent_f32.h computes them."""

from __future__ import annotations

import numpy as np

from edge.ir.types import Array
from edge.reference.call import Call, Kernel
from edge.reference.float_functions import Floats, sigmoid, tanh
from edge.reference.float_ordered import projected
from edge.reference.recurrent import Numbers, State, gates, initial, unrolled


def _inputs(call: Call) -> Floats:
    """The input's projections at every step."""
    return projected(call, call.input(0), call.input(1), call.input(3))


def _hiddens(call: Call, hidden: Numbers) -> Floats:
    return projected(call, hidden, call.input(2), call.input(4))


def gru(call: Call) -> Array:
    """x [samples, steps, features] to the hidden values of each step [samples, steps, units]."""

    def step(a: Numbers, state: State) -> State:
        (h,) = state
        (a_r, a_z, a_n), (b_r, b_z, b_n) = gates(a), gates(_hiddens(call, h))
        r, z = sigmoid(a_r + b_r), sigmoid(a_z + b_z)
        n = tanh(a_n + r * b_n)
        return (n + z * (h - n),)

    steps = unrolled(_inputs(call), initial(call, np.float32), step)
    return np.stack([h for (h,) in steps], axis=1)


def lstm(call: Call) -> Array:
    """x [samples, steps, features] to [samples, steps, 2 * units]: hidden, then cell values."""

    def step(a: Numbers, state: State) -> State:
        h, c = state
        i, f, g, o = gates(a + _hiddens(call, h), 4)
        c = sigmoid(f) * c + sigmoid(i) * tanh(g)
        return sigmoid(o) * tanh(c), c

    steps = unrolled(_inputs(call), initial(call, np.float32, np.float32), step)
    return np.stack([np.concatenate(state, axis=-1) for state in steps], axis=1)


KERNELS: dict[str, Kernel] = {"gru": gru, "lstm": lstm}
