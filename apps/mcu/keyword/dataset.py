"""What networks learn from and are tested on: log-mel features of clips, and their classes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from apps.mcu.keyword import mixing
from apps.mcu.keyword.mixing import Clips, Mix, Noise
from apps.mcu.keyword.speech import Words
from edge.audio import CompiledLogMel, LogMel

Features = npt.NDArray[np.int8]

FRONT_END = LogMel()
TRAINING_MIX = Mix(snr=(0, 32), warp=0.12)
_SEED_OF_TESTS = 1000
_WORDS_AT_ONCE = 256


@dataclass(frozen=True, eq=False)
class Data:
    """Features int8 [N, rows, bands] and classes [N]."""

    features: Features
    labels: mixing.Labels


def training_data(words: Words, copies: int, seed: int) -> Data:
    """Every word `copies` times, in different noise; a sixth of pieces, a ninth of silence."""
    rng = np.random.default_rng(seed)
    noise = Noise(rng)

    def clips() -> Iterator[Clips]:
        for _ in range(copies):
            for chosen in _parts(rng.permutation(len(words))):
                yield mixing.spoken(words, chosen, TRAINING_MIX, noise, rng)
                some = chosen[: len(chosen) // 6]
                yield mixing.pieces(words, some, TRAINING_MIX, noise, rng)
                yield mixing.silence(len(chosen) // 9, noise, rng)

    return _data(clips())


def test_data(words: Words, snr: float) -> Data:
    """Every word once at one ratio of signal to noise, and 40 clips of silence."""
    rng = np.random.default_rng(_SEED_OF_TESTS + round(snr))
    noise = Noise(rng)

    def clips() -> Iterator[Clips]:
        for chosen in _parts(np.arange(len(words))):
            yield mixing.spoken(words, chosen, Mix((snr, snr)), noise, rng)
        yield mixing.silence(40, noise, rng)

    return _data(clips())


def _parts(chosen: npt.NDArray[np.int64]) -> Iterator[list[int]]:
    """A few at a time: sound takes a hundred times the memory of its features."""
    for start in range(0, len(chosen), _WORDS_AT_ONCE):
        yield chosen[start : start + _WORDS_AT_ONCE].tolist()


def _data(clips: Iterable[Clips]) -> Data:
    """What the front end makes of clips."""
    front_end = compiled_front_end()
    parts = [(front_end.features(part.samples), part.labels) for part in clips]
    features, labels = zip(*parts, strict=True)
    return Data(np.concatenate(features), np.concatenate(labels))


@cache
def compiled_front_end() -> CompiledLogMel:
    """The front end, compiled once a process."""
    return CompiledLogMel(FRONT_END)
