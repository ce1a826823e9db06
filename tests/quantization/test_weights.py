import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.quantization.weights import (
    LARGEST_BIAS,
    NO_BIAS,
    SMALLEST_MULTIPLIER,
    quantize_bias,
    quantize_weight,
    weight_quantization,
)

positive = st.floats(1e-6, 1e6)


def draw(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@given(st.integers(0, 1000), positive, positive, st.floats(-1e6, 1e6, width=32))
def test_scales_keep_multiplier_and_bias_in_range(seed, in_scale, out_scale, offset):
    weight, bias = draw(seed, 3, 4), draw(seed, 3) + np.float32(offset)
    quantization = weight_quantization(weight, 0, bias, in_scale, out_scale)
    scale = np.array(quantization.scale)
    tolerance = 1 + 1e-9
    assert (in_scale * scale / out_scale * tolerance >= SMALLEST_MULTIPLIER).all()
    assert (np.abs(bias) / (in_scale * scale) <= LARGEST_BIAS * tolerance).all()
    assert (scale * tolerance >= np.abs(weight.astype(np.float64)).max(1) / 127).all()


def test_ordinary_scales_are_set_by_the_weights():
    weight = draw(0, 1, 3, 3, 5)
    quantization = weight_quantization(weight, 3, NO_BIAS, 0.02, 0.03)
    expected = np.abs(weight.astype(np.float64)).max((0, 1, 2)) / 127
    np.testing.assert_allclose(quantization.scale, expected)
    assert quantization.axis == 3


@given(st.integers(0, 1000))
def test_stored_weights_are_within_half_a_step(seed):
    weight = draw(seed, 4, 2, 2, 3)
    quantization = weight_quantization(weight, 0, NO_BIAS, 0.02, 0.03)
    stored = quantize_weight("w", weight, quantization).data.astype(np.float64)
    scale = np.array(quantization.scale).reshape(-1, 1, 1, 1)
    assert np.abs(stored * scale - weight).max() <= scale.max() / 2 * (1 + 1e-9)
    assert np.abs(stored).max() == 127


def test_biases_round_half_to_even():
    quantization = weight_quantization(np.full((3, 1), 127, np.float32), 0, NO_BIAS, 1.0, 1.0)
    bias = np.array([0.5, 1.5, -2.5], np.float32)
    np.testing.assert_array_equal(quantize_bias("b", bias, 1.0, quantization).data, [0, 2, -2])


def test_a_bias_beyond_int32_names_its_channel():
    quantization = weight_quantization(np.full((2, 1), 127, np.float32), 0, NO_BIAS, 1.0, 1.0)
    with pytest.raises(OverflowError, match="channel 1"):
        quantize_bias("b", np.array([0, 3e9], np.float32), 1.0, quantization)
