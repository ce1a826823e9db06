"""Observers: from the values a tensor takes on calibration data to the range it is quantized over.

All are deterministic and hold a fixed amount of memory, however much data they see. Except for the
moving average the result does not depend on the order or batching of the data.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np
import numpy.typing as npt

from edge.ir.types import Array
from edge.quantization.affine import INT8_MAX, INT8_MIN

Doubles = npt.NDArray[np.float64]


class Observer(Protocol):
    """Sees float32 arrays [samples, ...] one after the other, then gives a range (low, high)."""

    def observe(self, x: Array) -> None: ...

    def range(self) -> tuple[float, float]: ...


class MinMax:
    """The smallest and the largest value seen."""

    def __init__(self) -> None:
        self.low, self.high = math.inf, -math.inf

    def observe(self, x: Array) -> None:
        # numpy's minimum, unlike Python's, lets NaN through.
        self.low = float(np.minimum(self.low, x.min()))
        self.high = float(np.maximum(self.high, x.max()))

    def range(self) -> tuple[float, float]:
        return self.low, self.high


class MovingAverage:
    """Exponential moving averages of each sample's smallest and largest value.

    The first sample starts the averages, each further one moves them by `rate` of the difference.
    """

    def __init__(self, rate: float = 0.05) -> None:
        self.rate = rate
        self.average: Doubles | None = None

    def observe(self, x: Array) -> None:
        flat = x.reshape(len(x), -1).astype(np.float64)
        for extremes in np.stack([flat.min(axis=1), flat.max(axis=1)], axis=1):
            if self.average is None:
                self.average = extremes
            else:
                with np.errstate(invalid="ignore"):  # infinities stay, as infinity or NaN
                    self.average = self.average + self.rate * (extremes - self.average)

    def range(self) -> tuple[float, float]:
        low, high = (0.0, 0.0) if self.average is None else self.average
        return float(low), float(high)


class Histogram:
    """Counts of values in bins of width 2**exponent, bin i holding [i, i + 1) * width.

    When a value lies outside, the width doubles and neighbouring bins merge, which is exact because
    bins are aligned to zero: the counts are those of one pass over all data with the final width.
    """

    BINS = 4096  # half of them for negative values: at least 1024 for a one-sided range
    SMALLEST_EXPONENT = -100

    def __init__(self) -> None:
        self.exponent = self.SMALLEST_EXPONENT
        self.counts = np.zeros(self.BINS, np.int64)
        self.extremes = MinMax()

    def observe(self, x: Array) -> None:
        self.extremes.observe(x)
        low, high = self.extremes.range()
        if not math.isfinite(low + high):
            return
        self._widen(max(-low, high))
        index = np.floor(np.ldexp(x.astype(np.float64).ravel(), -self.exponent)).astype(np.int64)
        self.counts += np.bincount(index + self.BINS // 2, minlength=self.BINS)

    def _widen(self, magnitude: float) -> None:
        """Double the width until `magnitude` lies strictly inside, so that -magnitude does too."""
        while magnitude >= math.ldexp(self.BINS // 2, self.exponent):
            merged = self.counts.reshape(-1, 2).sum(axis=1)
            quarter = self.BINS // 4
            self.counts = np.pad(merged, quarter)
            self.exponent += 1

    @property
    def width(self) -> float:
        return math.ldexp(1.0, self.exponent)

    def centers(self) -> tuple[Doubles, npt.NDArray[np.int64]]:
        """The middle of each bin that is not empty, kept within the extremes, and its count."""
        used = np.flatnonzero(self.counts)
        middle = (used - self.BINS // 2 + 0.5) * self.width
        return np.clip(middle, *self.extremes.range()), self.counts[used]


class Percentile:
    """The range that leaves out the same share of values at both ends, to one histogram bin.

    `share` of all values lie inside; single outliers no longer set the scale.
    """

    def __init__(self, share: float = 0.9999) -> None:
        self.outside = (1.0 - share) / 2
        self.histogram = Histogram()

    def observe(self, x: Array) -> None:
        self.histogram.observe(x)

    def range(self) -> tuple[float, float]:
        low, high = self.histogram.extremes.range()
        below = np.cumsum(self.histogram.counts)
        if not (math.isfinite(low + high) and below[-1]):
            return low, high
        first = int(np.searchsorted(below, self.outside * below[-1], side="right"))
        last = int(np.searchsorted(below, (1.0 - self.outside) * below[-1], side="left"))
        zero, width = Histogram.BINS // 2, self.histogram.width
        return max(low, (first - zero) * width), min(high, (last - zero + 1) * width)


class MeanSquaredError:
    """The range whose int8 quantization has the least squared error on the histogram.

    Both ends are searched in turn over fractions of the extremes.
    """

    FRACTIONS = np.linspace(1.0, 0.02, 99)
    ROUNDS = 2

    def __init__(self) -> None:
        self.histogram = Histogram()

    def observe(self, x: Array) -> None:
        self.histogram.observe(x)

    def range(self) -> tuple[float, float]:
        low, high = self.histogram.extremes.range()
        if not math.isfinite(low + high):
            return low, high
        low, high = best = min(low, 0.0), max(high, 0.0)
        values, counts = self.histogram.centers()
        for _ in range(self.ROUNDS):
            best = best[0], self._least_error(values, counts, best[0], high * self.FRACTIONS)[1]
            best = self._least_error(values, counts, low * self.FRACTIONS, best[1])
        return best

    def _least_error(
        self,
        values: Doubles,
        counts: npt.NDArray[np.int64],
        low: Doubles | float,
        high: Doubles | float,
    ) -> tuple[float, float]:
        """The candidate (low, high) with the least error, the widest among equals."""
        low, high = np.broadcast_arrays(np.atleast_1d(low), np.atleast_1d(high))
        steps = np.maximum(high - low, np.finfo(np.float64).tiny) / (INT8_MAX - INT8_MIN)
        zero = np.rint(-low / steps)
        stored = np.rint(values / steps[:, None]) + zero[:, None]
        clipped = np.clip(stored, 0, INT8_MAX - INT8_MIN)
        error = ((clipped - zero[:, None]) * steps[:, None] - values) ** 2 @ counts
        choice = int(error.argmin())
        return float(low[choice]), float(high[choice])


OBSERVERS: Mapping[str, Callable[[], Observer]] = {
    "minmax": MinMax,
    "moving_average": MovingAverage,
    "percentile": Percentile,
    "mse": MeanSquaredError,
}
