"""Observers against their numpy definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.quantization.affine import from_range
from edge.quantization.observers import (
    OBSERVERS,
    Histogram,
    MeanSquaredError,
    MinMax,
    MovingAverage,
    Percentile,
)

SPREADS = {
    "normal": lambda rng: rng.standard_normal((64, 5, 7)),
    "relu": lambda rng: np.maximum(rng.standard_normal((64, 5, 7)), 0),
    "negative": lambda rng: -np.abs(rng.standard_normal((64, 5, 7))),
    "heavy tails": lambda rng: rng.standard_t(2, (64, 5, 7)),
    "tiny": lambda rng: 1e-6 * rng.standard_normal((64, 5, 7)),
    "huge": lambda rng: 1e6 * rng.standard_normal((64, 5, 7)),
    "integers": lambda rng: rng.integers(-3, 9, (64, 5, 7)),
}


@pytest.fixture(params=SPREADS)
def data(request) -> np.ndarray:
    return SPREADS[request.param](np.random.default_rng(0)).astype(np.float32)


def watched(observer, data, sizes=(64,)):
    start = 0
    for size in sizes:
        observer.observe(data[start : start + size])
        start += size
    return observer


def test_minmax_is_the_range_of_the_data(data):
    assert watched(MinMax(), data, (1, 30, 33)).range() == (data.min(), data.max())


def test_moving_average_follows_each_samples_extremes(data):
    flat = data.reshape(64, -1).astype(np.float64)
    low, high = flat[0].min(), flat[0].max()
    for sample in flat[1:]:
        low, high = 0.9 * low + 0.1 * sample.min(), 0.9 * high + 0.1 * sample.max()
    assert watched(MovingAverage(rate=0.1), data).range() == pytest.approx((low, high))


def test_percentile_is_numpys_quantile_within_a_bin(data):
    observer = watched(Percentile(share=0.98), data)
    expected = np.quantile(data.astype(np.float64), [0.01, 0.99], method="inverted_cdf")
    width = observer.histogram.width
    assert np.abs(np.array(observer.range()) - expected).max() <= width
    assert width <= np.abs(data).max() / 1024


def test_percentile_ignores_an_outlier_that_sets_the_minmax_range():
    data = np.random.default_rng(0).standard_normal((10, 5000)).astype(np.float32)
    data[3, 7] = 1000.0
    assert watched(MinMax(), data, (10,)).range()[1] == 1000.0
    assert watched(Percentile(), data, (10,)).range()[1] < 6.0


def quantization_error(data: np.ndarray, low: float, high: float) -> float:
    """Mean squared error of int8 quantization over a range, on the data itself."""
    quantization = from_range(low, high)
    scale, zero_point = quantization.scale[0], quantization.zero_point[0]
    stored = np.clip(np.rint(data.astype(np.float64) / scale) + zero_point, -128, 127)
    return float((((stored - zero_point) * scale - data) ** 2).mean())


def test_mse_range_is_no_worse_than_any_shrunk_range(data):
    low, high = watched(MeanSquaredError(), data).range()
    error = quantization_error(data, low, high)
    extremes = min(data.min(), 0), max(data.max(), 0)
    shrunk = [quantization_error(data, *(f * e for e in extremes)) for f in np.linspace(0.1, 1, 46)]
    # The histogram rounds values to its bins, and the zero point to a step.
    assert error <= 1.05 * min(shrunk) + 1e-30


def test_mse_range_of_heavy_tails_is_much_better_than_minmax():
    data = np.random.default_rng(1).laplace(size=(64, 5000)).astype(np.float32)
    found = quantization_error(data, *watched(MeanSquaredError(), data).range())
    assert found < 0.75 * quantization_error(data, float(data.min()), float(data.max()))


@pytest.mark.parametrize("name", ["minmax", "percentile", "mse"])
def test_the_result_does_not_depend_on_order_or_batching(name, data):
    expected = watched(OBSERVERS[name](), data).range()
    order = np.random.default_rng(1).permutation(64)
    assert watched(OBSERVERS[name](), data[order], (1, 2, 61)).range() == expected


@pytest.mark.parametrize("name", OBSERVERS)
def test_constant_zero_gives_an_empty_range(name):
    assert watched(OBSERVERS[name](), np.zeros((4, 3), np.float32), (4,)).range() == (0.0, 0.0)


@pytest.mark.parametrize("name", OBSERVERS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_show_in_the_range(name, bad):
    data = np.ones((3, 4), np.float32)
    data[1, 2] = bad
    low, high = watched(OBSERVERS[name](), data, (1, 1, 1)).range()
    assert not np.isfinite(high - low)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.lists(st.floats(-(2.0**99), 2.0**99, width=32), min_size=1, max_size=9),
        min_size=1,
        max_size=5,
    )
)
def test_histogram_counts_are_those_of_one_pass_with_the_final_width(parts):
    histogram = Histogram()
    for part in parts:
        histogram.observe(np.array(part, np.float32)[None])
    values = np.concatenate([np.array(part, np.float64) for part in parts])
    expected = np.zeros(Histogram.BINS, np.int64)
    index = np.floor(values.astype(np.float32) / np.float64(histogram.width)).astype(int)
    np.add.at(expected, index + Histogram.BINS // 2, 1)
    np.testing.assert_array_equal(histogram.counts, expected)
