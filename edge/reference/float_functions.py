"""The functions of runtime/include/edge/f32_functions.h in numpy: the same steps, the same bits.

FUNCTIONS[name](x, alpha) for every unary function of the operator table; float32 in and out. All
constants are float32 values, so every step rounds as the C code does.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from edge.quantization.functions import GELU_CUBIC

Floats = npt.NDArray[np.float32]
_F = np.float32

_EXPM1 = ("0x1.a12a32p-13", "0x1.6d15fcp-10", "0x1.1110e0p-7", "0x1.555516p-5", "0x1.555556p-3")
_GELU = (
    "0x1.1e80c6p-6", "-0x1.15a3bap-4", "0x1.04578ap-4", "0x1.92e8aep-7", "0x1.b04206p-6",
    "0x1.4443ccp-4", "0x1.31c3f6p-4", "0x1.84d822p-4", "0x1.97d14ap-4", "0x1.988d3ap-4",
)  # fmt: skip
_ARTANH = ("0x1.c71c72p-3", "0x1.24924ap-2", "0x1.99999ap-2", "0x1.555556p-1")
_LN2_HIGH, _LN2_LOW = _F(0.693359375), _F(float.fromhex("0x1.bd0106p-13"))
_SQRT_HALF = 0x3F3504F3
_ONE = 0x3F800000


def limited(x: Floats, minimum: float, maximum: float) -> Floats:
    """edge_limited_f32: -0 at a limit of 0 becomes 0."""
    raised = np.where(x > _F(minimum), x, _F(minimum))
    return np.where(raised < _F(maximum), raised, _F(maximum))


def _polynomial(x: Floats, coefficients: tuple[str, ...]) -> Floats:
    """Horner's rule, the highest power first."""
    sums = np.full_like(x, float.fromhex(coefficients[0]))
    for coefficient in coefficients[1:]:
        sums = sums * x + _F(float.fromhex(coefficient))
    return sums


def _expm1_near_0(r: Floats) -> Floats:
    p = _polynomial(r, _EXPM1) * r + _F(0.5)
    return r + r * r * p


def _power_of_two(n: npt.NDArray[np.int32]) -> Floats:
    bits: npt.NDArray[np.int32] = (n + 127) << 23
    return bits.view(np.float32)


def exp(x: Floats) -> Floats:
    """Within 1.5 units in the last place."""
    inside = np.where((x < _F(88.72284)) & (x >= _F(-104)), x, _F(0))
    whole = _F(12582912.0)
    n = (inside * _F(float.fromhex("0x1.715476p+0")) + whole) - whole
    r = (inside - n * _LN2_HIGH) + n * _LN2_LOW
    power = n.astype(np.int32)
    half = np.trunc(power / 2).astype(np.int32)
    y = _F(1) + _expm1_near_0(r)
    made = y * _power_of_two(half) * _power_of_two(power - half)
    made = np.where(x < _F(-104), _F(0), made)
    return np.where(x < _F(88.72284), made, x + _F(np.inf))


def _expm1(x: Floats) -> Floats:
    near = (x > _F(-0.34)) & (x < _F(0.34))
    return np.where(near, _expm1_near_0(np.where(near, x, _F(0))), exp(x) - _F(1))


def sigmoid(x: Floats) -> Floats:
    """1 / (1 + exp(-x))."""
    e = exp(-np.abs(x))
    return np.asarray(np.where(x < 0, e, _F(1)) / (_F(1) + e), np.float32)


def tanh(x: Floats) -> Floats:
    """Hyperbolic tangent."""
    a = np.abs(x)
    t = _expm1(np.where(a < _F(10), _F(2) * a, _F(20)))
    y = t / (t + _F(2))
    return np.where(x < 0, -y, y)


def gelu(x: Floats) -> Floats:
    """x times the distribution function of the normal distribution."""
    a: Floats = np.where(np.abs(x) < _F(15), np.abs(x), _F(15))
    high: Floats = (a.view(np.uint32) & np.uint32(0xFFFFF000)).view(np.float32)
    e = exp(high * high * _F(-0.5)) * exp((a - high) * (a + high) * _F(-0.5))
    t = _F(1) / (_F(1) + a * _F(0.25))
    tail = e * (_polynomial(t, _GELU) * t)
    return x * np.where(x < 0, tail, _F(1) - tail)


def log(x: Floats) -> Floats:
    """Natural logarithm."""
    finite = np.where((x > 0) & (x < np.inf), x, _F(1))
    tiny = finite < _F(2.0**-126)
    scaled = np.where(tiny, finite * _F(2.0**23), finite)
    bits = scaled.view(np.int32) + (_ONE - _SQRT_HALF)
    n = ((bits >> 23) - 127 - np.where(tiny, 23, 0)).astype(np.float32)
    f = ((bits & 0x007FFFFF) + _SQRT_HALF).astype(np.int32).view(np.float32) - _F(1)
    s = f / (_F(2) + f)
    z, half = s * s, _F(0.5) * f * f
    r = z * _polynomial(z, _ARTANH)
    high, low = n * _LN2_HIGH, n * -_LN2_LOW
    made = high + (f - (half - (s * (half + r) + low)))
    made = np.where(x == 0, _F(-np.inf), np.where(x > 0, made, _F(np.nan)))
    return np.where(x == np.inf, x, made)


def _rsqrt(x: Floats) -> Floats:
    with np.errstate(divide="ignore"):
        return np.where(x == 0, _F(np.inf), _F(1) / np.sqrt(x))


def _gelu_tanh(x: Floats) -> Floats:
    inner = x + _F(GELU_CUBIC) * (x * x * x)
    return x * sigmoid(_F(float.fromhex("0x1.988454p+0")) * inner)


def _hard_sigmoid(x: Floats) -> Floats:
    return limited(x + _F(3), 0, 6) / _F(6)


FUNCTIONS: dict[str, Callable[[Floats, float], Floats]] = {
    "relu": lambda x, alpha: limited(x, 0, np.inf),
    "relu6": lambda x, alpha: limited(x, 0, 6),
    "relu_n1_to_1": lambda x, alpha: limited(x, -1, 1),
    "leaky_relu": lambda x, alpha: np.where(x >= 0, x, x * _F(alpha)),
    "sigmoid": lambda x, alpha: sigmoid(x),
    "tanh": lambda x, alpha: tanh(x),
    "hard_swish": lambda x, alpha: x * _hard_sigmoid(x),
    "hard_sigmoid": lambda x, alpha: _hard_sigmoid(x),
    "silu": lambda x, alpha: x * sigmoid(x),
    "gelu": lambda x, alpha: gelu(x),
    "gelu_tanh": lambda x, alpha: _gelu_tanh(x),
    "elu": lambda x, alpha: np.where(x < 0, _expm1(x), x),
    "exp": lambda x, alpha: exp(x),
    "log": lambda x, alpha: log(x),
    "sqrt": lambda x, alpha: np.sqrt(x),
    "rsqrt": lambda x, alpha: _rsqrt(x),
    "abs": lambda x, alpha: np.abs(x),
    "negate": lambda x, alpha: -x,
    "square": lambda x, alpha: x * x,
}
