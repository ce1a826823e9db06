"""The unary functions of the operator table on real numbers: FUNCTIONS[name](x, alpha).

They keep the type of x: float32 in the float reference, float64 when tables are made.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Reals = npt.NDArray[np.floating[Any]]

GELU_CUBIC = 0.044715
SQRT_2_OVER_PI = math.sqrt(2 / math.pi)
erfc = np.vectorize(math.erfc, otypes=[np.float64])


def _sigmoid(x: Reals) -> Reals:
    return 1 / (1 + np.exp(-x))


def _hard_sigmoid(x: Reals) -> Reals:
    return np.asarray(np.clip(x + 3, 0, 6) / 6)


def _gelu(x: Reals) -> Reals:
    # erfc keeps the tail of negative inputs, where 1 + erf cancels.
    tail: Reals = erfc(x * -math.sqrt(0.5)).astype(x.dtype)
    return 0.5 * x * tail


def _gelu_tanh(x: Reals) -> Reals:
    gate = 1 + np.tanh(SQRT_2_OVER_PI * (x + GELU_CUBIC * x * x * x))
    return np.asarray(0.5 * x * gate)


FUNCTIONS: dict[str, Callable[[Reals, float], Reals]] = {
    "relu": lambda x, alpha: np.maximum(x, 0),
    "relu6": lambda x, alpha: np.clip(x, 0, 6),
    "relu_n1_to_1": lambda x, alpha: np.clip(x, -1, 1),
    "leaky_relu": lambda x, alpha: np.where(x >= 0, x, x * x.dtype.type(alpha)),
    "sigmoid": lambda x, alpha: _sigmoid(x),
    "tanh": lambda x, alpha: np.tanh(x),
    "hard_swish": lambda x, alpha: x * _hard_sigmoid(x),
    "hard_sigmoid": lambda x, alpha: _hard_sigmoid(x),
    "silu": lambda x, alpha: x * _sigmoid(x),
    "gelu": lambda x, alpha: _gelu(x),
    "gelu_tanh": lambda x, alpha: _gelu_tanh(x),
    "elu": lambda x, alpha: np.where(x >= 0, x, np.expm1(np.minimum(x, 0))),
    "exp": lambda x, alpha: np.exp(x),
    "log": lambda x, alpha: np.log(x),
    "sqrt": lambda x, alpha: np.sqrt(x),
    "rsqrt": lambda x, alpha: 1 / np.sqrt(x),
    "abs": lambda x, alpha: np.abs(x),
    "negate": lambda x, alpha: -x,
    "square": lambda x, alpha: x * x,
}
