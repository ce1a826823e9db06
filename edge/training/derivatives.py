"""Derivatives of the unary functions, and the tables that lookup gradients read.

At a kink the derivative is that of torch's autograd.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from edge.errors import fail
from edge.ir import Graph, Node
from edge.ir.ops import attributes
from edge.quantization.constants import per_tensor
from edge.quantization.functions import FUNCTIONS, GELU_CUBIC, SQRT_2_OVER_PI, erfc
from edge.quantization.requantize import INT8_MAX, INT8_MIN, Doubles

_Derivative = Callable[[Doubles, float], Doubles]


def _sigmoid(x: Doubles) -> Doubles:
    return 1 / (1 + np.exp(-x))


def _silu(x: Doubles) -> Doubles:
    s = _sigmoid(x)
    return np.asarray(s * (1 + x * (1 - s)))


def _gelu(x: Doubles) -> Doubles:
    normal: Doubles = 0.5 * erfc(x * -math.sqrt(0.5))
    return np.asarray(normal + x * np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi))


def _gelu_tanh(x: Doubles) -> Doubles:
    t = np.tanh(SQRT_2_OVER_PI * (x + GELU_CUBIC * x**3))
    slope = SQRT_2_OVER_PI * (1 + 3 * GELU_CUBIC * x * x)
    return np.asarray(0.5 * (1 + t) + 0.5 * x * (1 - t * t) * slope)


def _inside(low: float, high: float) -> _Derivative:
    return lambda x, alpha: np.asarray((x > low) & (x < high), np.float64)


_DERIVATIVES: dict[str, _Derivative] = {
    "relu": lambda x, alpha: np.asarray(x > 0, np.float64),
    "relu6": _inside(0, 6),
    "relu_n1_to_1": _inside(-1, 1),
    "leaky_relu": lambda x, alpha: np.where(x > 0, 1.0, alpha),
    "sigmoid": lambda x, alpha: _sigmoid(x) * (1 - _sigmoid(x)),
    "tanh": lambda x, alpha: 1 - np.tanh(x) ** 2,
    "hard_swish": lambda x, alpha: np.where(x < -3, 0.0, np.where(x <= 3, x / 3 + 0.5, 1.0)),
    "hard_sigmoid": lambda x, alpha: _inside(-3, 3)(x, alpha) / 6,
    "silu": lambda x, alpha: _silu(x),
    "gelu": lambda x, alpha: _gelu(x),
    "gelu_tanh": lambda x, alpha: _gelu_tanh(x),
    "elu": lambda x, alpha: np.where(x > 0, 1.0, np.exp(np.minimum(x, 0))),
    "exp": lambda x, alpha: np.exp(x),
    "log": lambda x, alpha: 1 / x,
    "sqrt": lambda x, alpha: 0.5 / np.sqrt(x),
    "rsqrt": lambda x, alpha: -0.5 / (x * np.sqrt(x)),
    "abs": lambda x, alpha: np.sign(x),
    "negate": lambda x, alpha: np.full_like(x, -1.0),
    "square": lambda x, alpha: 2 * x,
}


def derivative_table(graph: Graph, node: Node) -> Doubles:
    """float64[256]: d(stored output) / d(stored input) of a lookup for each stored input.

    0 where the output is clamped or the function has no value. Raises EdgeError E0103 if the
    lookup does not say which function it holds.
    """
    attrs = attributes(node)
    source, alpha = str(attrs["source"]), float(str(attrs["alpha"]))
    if source not in _DERIVATIVES:
        raise fail("E0103", "a lookup of an unknown function has no gradient", node.where)
    in_scale, in_zero = per_tensor(graph, node, node.inputs[0])
    out_scale, out_zero = per_tensor(graph, node, node.output)
    x = in_scale * (np.arange(INT8_MIN, INT8_MAX + 1, dtype=np.float64) - in_zero)
    with np.errstate(all="ignore"):
        stored = np.rint(FUNCTIONS[source](x, alpha) / out_scale) + out_zero
        slope = _DERIVATIVES[source](x, alpha) * in_scale / out_scale
    inside = (stored >= INT8_MIN) & (stored <= INT8_MAX) & np.isfinite(slope)
    return np.asarray(np.where(inside, slope, 0.0))
