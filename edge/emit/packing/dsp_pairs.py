"""Pairs of inputs for 4 channels at a time, as runtime/kernels/dsp/linear_pairs.S reads them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edge.emit.packing.dsp import quad_starts
from edge.emit.packing.packed import Packed
from edge.planning.dsp_pairs import best_window
from edge.quantization.constants import Form, Weighted
from edge.quantization.dsp_words import DspConstants, dsp_constants
from edge.sparsity.column_pairs import ColumnPairs

Int8s = npt.NDArray[np.int8]
Words = npt.NDArray[np.int32]

_UNROLLED = 8
_END = _UNROLLED + 1
_ONCE, _SHIFTED, _TWICE = 0, 1, 2  # of linear_pairs_s8.c
_NONE = np.zeros(0, np.int32)


def pack_linear(weights: Int8s, weighted: Weighted) -> Packed:
    """linear_pairs_s8: int8[out_c, in_c], multiples of 4."""
    constants = dsp_constants(weighted, weights, fold=False)
    if constants is None:
        raise ValueError("a layer that the dsp kernel of pairs does not accept")
    window = best_window(weights)
    pairs = ColumnPairs.from_dense(weights, window).evened()
    heads = _heads(pairs, quad_starts(constants.bias))
    scaling = _scaling(constants, weighted.requantize.form)
    steps = np.split(_steps(pairs), np.cumsum(pairs.counts // 2)[:-1])
    parts = [
        part.ravel()
        for group in zip(heads, steps, _scales(constants, scaling), strict=True)
        for part in group
    ]
    end = np.array([_END, 0, 0, 0, 0, 0])
    stream = np.concatenate([[len(window.pairs), scaling], *parts, end]).astype(np.int32)
    return Packed(stream, _NONE, _NONE, np.zeros(0, np.int8), True)


def _heads(pairs: ColumnPairs, starts: Words) -> Words:
    """int32[groups, 6]: where the steps are entered, 4 starts, rounds of the unrolled steps."""
    steps = pairs.counts // 2
    entries = np.where(steps > 0, (steps - 1) % _UNROLLED + 1, 0)
    rounds = -(-steps // _UNROLLED)
    return np.column_stack([entries, starts.reshape(-1, 4), rounds]).astype(np.int32)


def _scaling(constants: DspConstants, form: Form) -> int:
    if form is Form.TWICE:
        return _TWICE
    return _SHIFTED if constants.f.any() else _ONCE


def _scales(constants: DspConstants, scaling: int) -> Words:
    """int32[groups, words]: multipliers, each before its f if there are shifts."""
    fields = [constants.multiplier] if scaling == _ONCE else [constants.multiplier, constants.f]
    words: Words = np.stack(fields, axis=1).astype(np.int32).reshape(len(constants.bias) // 4, -1)
    return words


def _steps(pairs: ColumnPairs) -> Words:
    """int32[steps, 6]: two places, and two words of weights for each."""
    wide = pairs.data.astype(np.int32)
    halves = (wide[:, 0::2] + 256 * wide[:, 1::2]).astype("<i2")
    words = np.ascontiguousarray(halves).view("<i4").reshape(-1, 4)
    return np.column_stack([4 * pairs.places.reshape(-1, 2), words]).astype(np.int32)
