"""The log-mel front end in integers: what it computes, to the bit.

    1. window    int16 samples times a Hann window in Q31, of which 15 fraction bits are kept
    2. transform a real FFT of `window` samples as a complex one of half as many, radix 4, int32,
                 each stage divided by 4, so that no value grows
    3. power     of each frequency that a band covers, with 4 fraction bits before squaring
    4. bands     triangles of height 1, HTK's mel scale (Young et al., The HTK Book, section 5.4)
    5. logarithm log2(1 + energy) in steps of 1/4, which is int8 of scale 0.25 around 21

runtime/audio/log_mel.c computes the same bits; edge.audio.tables writes its constants.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from edge.errors import fail

Ints = npt.NDArray[np.int64]
Rows = npt.NDArray[np.int8]

WINDOW_BITS = 31  # fraction bits of the window
SAMPLE_BITS = 15  # of the weighted samples
ROTATION_BITS = 30  # of the rotations; the high half of a product is then a quarter of it
POWER_BITS = 4  # of the spectrum when it is squared
WEIGHT_BITS = 8  # of the bands' weights
LOG_BITS = 8  # of log2 before it is rounded to steps
LOG_POINTS = 32
STEPS = 4  # steps of a feature per power of two
ZERO = 21  # log2 of the energy that gives the feature 0

SCALE = 1 / STEPS
"""Scale of the features as int8, whose zero point is 0: a model's input takes them as they are."""

_WINDOWS = (128, 512)  # twice a power of four; at 2,048 the energies leave 64 bits


@dataclass(frozen=True)
class LogMel:
    """A log-mel front end: `rate` in Hz, `window` and `hop` in samples, `bands` from `low` to
    `high` Hz.

    Raises EdgeError E0016 for settings outside what the arithmetic is made for.
    """

    rate: int = 16_000
    window: int = 512
    hop: int = 320
    bands: int = 20
    low: float = 60.0
    high: float = 7_600.0

    def __post_init__(self) -> None:
        if self.window not in _WINDOWS:
            raise fail("E0016", f"window of {self.window} samples", help=[f"one of {_WINDOWS}"])
        if not (0 < self.hop <= self.window and self.hop % 2 == 0):
            raise fail("E0016", f"hop of {self.hop} samples", help=[f"even, up to {self.window}"])
        if not (self.bands > 0 and 0 <= self.low < self.high <= self.rate / 2):
            raise fail(
                "E0016",
                f"{self.bands} bands from {self.low:g} to {self.high:g} Hz",
                help=[f"at least one band within 0 to {self.rate / 2:g} Hz"],
            )
        if not self.weights.any(axis=1).all():
            narrow = int(np.flatnonzero(~self.weights.any(axis=1))[0])
            raise fail(
                "E0016",
                f"band {narrow} of {self.bands} lies between two frequencies of the transform",
                help=["take fewer bands or a longer window"],
            )

    def push(self, tail: Ints, hop: npt.NDArray[np.int16]) -> tuple[Ints, Rows]:
        """One row int8 [bands] from the samples before (`tail`, window - hop of them) and the new
        ones; returns the next tail and the row."""
        samples = np.concatenate([tail, hop.astype(np.int64)])
        return samples[self.hop :], self._rows(samples[None])[0]

    def features(self, samples: npt.NDArray[np.int16]) -> Rows:
        """int8 [..., rows, bands] of int16 [..., samples]: one row for each whole hop, the first
        windows reaching back into silence, as in a stream that begins."""
        rows = samples.shape[-1] // self.hop
        before = [(0, 0)] * (samples.ndim - 1) + [(self.window - self.hop, 0)]
        padded = np.pad(samples[..., : rows * self.hop].astype(np.int64), before)
        starts = np.arange(rows)[:, None] * self.hop
        return self._rows(padded[..., starts + np.arange(self.window)])

    def _rows(self, windows: Ints) -> Rows:
        """int8 [..., bands] of samples [..., window]."""
        weighted = windows * self.hann >> WINDOW_BITS - SAMPLE_BITS
        real, imaginary = self._transform(weighted[..., 0::2], weighted[..., 1::2])
        return self._quantized(self._energies(self._power(real, imaginary)))

    def _transform(self, real: Ints, imaginary: Ints) -> tuple[Ints, Ints]:
        """The complex transform divided by its length, int32 [..., window / 2]."""
        z = np.stack([real, imaginary], axis=-1)[..., self.reversal, :]
        quarter = 1
        for rotations in self.stages:
            z = _radix_4(z, quarter, rotations)
            quarter *= 4
        return z[..., 0], z[..., 1]

    def _power(self, real: Ints, imaginary: Ints) -> npt.NDArray[np.uint64]:
        """Power of frequency 0 to window / 2 - 1 of the real signal, whose even samples went
        through the transform as real parts and whose odd ones as imaginary parts.

        Frequencies k and window / 2 - k share their products.
        """
        half = self.window // 2
        k = np.arange(half // 2 + 1)
        a_re, a_im, b_re, b_im = real[..., k], imaginary[..., k], real[..., -k], imaginary[..., -k]
        even_shift = self.fraction_bits - POWER_BITS + 1
        odd_shift = even_shift - 2
        even_re = (a_re >> even_shift) + (b_re >> even_shift)
        even_im = (a_im >> even_shift) - (b_im >> even_shift)
        odd_re = (a_im >> odd_shift) + (b_im >> odd_shift)
        odd_im = (b_re >> odd_shift) - (a_re >> odd_shift)
        re, im = _quarter_product(odd_re, odd_im, self.unpacking[k])
        power = np.zeros(real.shape, np.uint64)
        power[..., k] = _squared(even_re + re, even_im + im)
        mirrored = k[1:]
        power[..., half - mirrored] = _squared(even_re - re, im - even_im)[..., 1:]
        return power

    def _energies(self, power: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
        """uint64 [..., bands], with 2 * POWER_BITS + WEIGHT_BITS fraction bits."""
        return power @ self.weights.T.astype(np.uint64)

    def _quantized(self, energies: npt.NDArray[np.uint64]) -> Rows:
        bits = 2 * POWER_BITS + WEIGHT_BITS
        log = _log2(energies + np.uint64(1 << bits)) - (bits << LOG_BITS)
        step = LOG_BITS - STEPS.bit_length() + 1
        steps = ((log + (1 << (step - 1))) >> step) - ZERO * STEPS
        return steps.clip(-128, 127).astype(np.int8)

    @cached_property
    def hann(self) -> Ints:
        """The periodic Hann window in Q31, its peak just below one."""
        turn = 2 * np.pi * np.arange(self.window) / self.window
        return _fixed(0.5 - 0.5 * np.cos(turn), WINDOW_BITS)

    @cached_property
    def reversal(self) -> Ints:
        """Where transform input i comes from: i with its base-4 digits reversed."""
        count, order = self.window // 2, np.zeros(1, np.int64)
        while len(order) < count:
            order = (order[:, None] * 4 + np.arange(4)).T.reshape(-1)
        return order

    @cached_property
    def stages(self) -> list[Ints]:
        """Rotations [quarter, 3, 2] of each stage of the transform, the first one's all 1."""
        quarters = [4**i for i in range((self.window // 2).bit_length() // 2)]
        return [
            _rotations(np.outer(np.arange(quarter), (1, 2, 3)), 4 * quarter) for quarter in quarters
        ]

    @cached_property
    def unpacking(self) -> Ints:
        """Rotations [window / 4 + 1, 2] of the spectrum of the odd samples."""
        return _rotations(np.arange(self.window // 4 + 1), self.window)

    @cached_property
    def weights(self) -> Ints:
        """Share of each frequency in each band, Q8 [bands, window / 2].

        Rising and falling sides that meet share a frequency's power without loss.
        """
        weights = np.zeros((self.bands, self.window // 2), np.int64)
        for segment, (start, rising) in enumerate(self.segments):
            covered = slice(start, start + len(rising))
            if segment < self.bands:
                weights[segment, covered] += rising
            if segment > 0:
                weights[segment - 1, covered] += (1 << WEIGHT_BITS) - rising
        return weights

    @cached_property
    def segments(self) -> list[tuple[int, Ints]]:
        """Between neighbouring edges of the bands: the first frequency, and how far along the
        segment it and the following ones are, in Q8."""
        edges = _mel_inverse(np.linspace(_mel(self.low), _mel(self.high), self.bands + 2))
        bins = edges * self.window / self.rate
        made = []
        for low, high in pairwise(bins):
            inside = np.arange(np.ceil(low), min(np.ceil(high), self.window // 2))
            share = np.round((inside - low) / (high - low) * (1 << WEIGHT_BITS))
            made.append((int(np.ceil(low)), share.astype(np.int64)))
        return made

    @property
    def fraction_bits(self) -> int:
        """Fraction bits of the spectrum that the transform gives."""
        return SAMPLE_BITS - (self.window // 2).bit_length() + 1


def _radix_4(z: Ints, quarter: int, rotations: Ints) -> Ints:
    """One stage: four transforms of length `quarter` become one, a quarter as large."""
    groups = z.reshape(*z.shape[:-2], -1, 4, quarter, 2)
    a_re, a_im = (groups[..., 0, :, i] >> 2 for i in (0, 1))
    (b_re, b_im), (c_re, c_im), (d_re, d_im) = (
        _quarter_product(groups[..., j, :, 0], groups[..., j, :, 1], rotations[:, j - 1])
        for j in (1, 2, 3)
    )
    sum_re, sum_im, difference_re, difference_im = (
        a_re + c_re,
        a_im + c_im,
        a_re - c_re,
        a_im - c_im,
    )
    odd_re, odd_im, turned_re, turned_im = b_re + d_re, b_im + d_im, b_im - d_im, d_re - b_re
    real = [sum_re + odd_re, difference_re + turned_re, sum_re - odd_re, difference_re - turned_re]
    imaginary = [
        sum_im + odd_im, difference_im + turned_im, sum_im - odd_im, difference_im - turned_im
    ]  # fmt: skip
    made = np.stack([np.stack(real, axis=-2), np.stack(imaginary, axis=-2)], axis=-1)
    return made.reshape(z.shape)


def _quarter_product(re: Ints, im: Ints, rotation: Ints) -> tuple[Ints, Ints]:
    """A quarter of a complex product; each real product is rounded down."""
    cosine, sine = rotation[..., 0], rotation[..., 1]
    return (re * cosine >> 32) - (im * sine >> 32), (re * sine >> 32) + (im * cosine >> 32)


def _squared(re: Ints, im: Ints) -> npt.NDArray[np.uint64]:
    return (re * re + im * im).astype(np.uint64)


def _log2(values: npt.NDArray[np.uint64]) -> Ints:
    """log2 with 8 fraction bits: straight lines between the points of a table."""
    exponent = _floor_log2(values)
    up, down = np.maximum(15 - exponent, 0), np.maximum(exponent - 15, 0)
    mantissa = ((values << up.astype(np.uint64)) >> down.astype(np.uint64)).astype(np.int64) - 32768
    at, rest = mantissa >> 10, mantissa & 1023
    table = log_table()
    logarithm: Ints = (exponent << LOG_BITS) + table[at]
    logarithm += (table[at + 1] - table[at]) * rest + 512 >> 10
    return logarithm


def log_table() -> Ints:
    """log2(1 + i / 32) in Q8 for i from 0 to 32."""
    return _fixed(np.log2(1 + np.arange(LOG_POINTS + 1) / LOG_POINTS), LOG_BITS, limit=None)


def _floor_log2(values: npt.NDArray[np.uint64]) -> Ints:
    exponent = np.zeros(values.shape, np.int64)
    rest = values
    for shift in (32, 16, 8, 4, 2, 1):
        large = rest >> np.uint64(shift) > 0
        exponent += large * shift
        rest = np.where(large, rest >> np.uint64(shift), rest)
    return exponent


def _fixed(x: npt.NDArray[Any], bits: int, limit: int | None = 0) -> Ints:
    """x with fraction bits, rounded; 1 becomes the largest value below it unless limit is None."""
    fixed = np.round(x * (1 << bits)).astype(np.int64)
    return fixed if limit is None else np.minimum(fixed, (1 << bits) - 1)


def _rotations(step: npt.NDArray[Any], turn: int) -> Ints:
    """exp(-2 pi i step / turn) in Q30, [..., 2]."""
    angle = -2 * np.pi * step / turn
    parts = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    rotations: Ints = np.round(parts * (1 << ROTATION_BITS)).astype(np.int64)
    return rotations


def _mel(hertz: Any) -> Any:
    return 2595 * np.log10(1 + hertz / 700)


def _mel_inverse(mel: Any) -> Any:
    return 700 * (10 ** (mel / 2595) - 1)
