import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.ir import Quantization
from edge.quantization.affine import dequantize, from_range, quantize_activation, quantize_constant

reals = st.floats(-1e6, 1e6, width=32)


@given(reals, reals)
def test_a_range_holds_its_ends_and_zero(a, b):
    low, high = min(a, b), max(a, b)
    quantization = from_range(low, high)
    scale, zero_point = quantization.scale[0], quantization.zero_point[0]
    assert -128 <= zero_point <= 127
    assert scale == np.float32(scale)
    if scale != np.float32(1 / 255):  # the default of an empty range
        assert (-128.5 - zero_point) * scale <= low * (1 - 1e-6)
        assert high * (1 - 1e-6) <= (127.5 - zero_point) * scale


@given(st.floats(1e-6, 1e6))
def test_a_range_from_zero_has_the_smallest_zero_point(high):
    assert from_range(0.0, high).zero_point == (-128,)
    assert from_range(0.3 * high, high) == from_range(0.0, high)


@pytest.mark.parametrize("value", [0.0, 1e-30, -1e-30])
def test_an_empty_range_gets_a_usable_scale(value):
    assert from_range(value, value) == Quantization.per_tensor(np.float32(1 / 255), -128)


def test_constants_round_half_to_even_per_channel():
    data = np.array([[0.5, 1.5, 2.5], [0.5, 1.5, -2.5]])
    value = quantize_constant("w", data, Quantization((1.0, 0.5), (0, 0), axis=0))
    np.testing.assert_array_equal(value.data, [[0, 2, 2], [1, 3, -5]])


def test_constants_are_clamped():
    data = np.array([-1000.0, 1000.0, -128.0])
    one = Quantization.per_tensor(1.0, 0)
    np.testing.assert_array_equal(quantize_constant("w", data, one).data, [-128, 127, -128])
    clipped = quantize_constant("w", data, one, -127, 127).data
    np.testing.assert_array_equal(clipped, [-127, 127, -127])


@given(
    st.lists(st.integers(-128, 127), min_size=1, max_size=20),
    st.floats(1e-3, 1e3),
    st.integers(-128, 127),
)
def test_stored_integers_survive_the_way_to_floats_and_back(stored, scale, zero_point):
    quantization = Quantization.per_tensor(np.float32(scale), zero_point)
    array = np.array(stored, np.int8)
    back = quantize_activation(dequantize(array, quantization), quantization)
    np.testing.assert_array_equal(back, array)
