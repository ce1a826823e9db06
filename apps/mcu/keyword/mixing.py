"""Clips to train and test on: spoken words in noise, pieces of words, noise alone.

A clip is a little of what comes before and one second in which the word lies whole, as int16 at
16 kHz. Everything is drawn from one generator, so a seed gives the same clips.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from apps.mcu.keyword.speech import KEYWORDS, RATE, Samples, Words

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

OTHER, SILENCE = len(KEYWORDS), len(KEYWORDS) + 1
CLASSES = (*KEYWORDS, "other", "silence")
BEFORE = 7 * RATE // 25  # samples of a clip before the second that counts
LENGTH = BEFORE + RATE
_EARLIER = 0.5  # share of clips that begin with the end of another word


@dataclass(frozen=True, eq=False)
class Clips:
    """int16 [N, LENGTH] and the class of each."""

    samples: Samples
    labels: Labels


@dataclass(frozen=True)
class Mix:
    """How loud and how clean clips are: signal to noise from `snr[0]` to `snr[1]` dB, peaks down to
    -25 dB. `warp` is how much faster or slower words may be played, with their pitch."""

    snr: tuple[float, float]
    warp: float = 0.0


class Noise:
    """Noises from white to a fall of 6 dB an octave, drawn once; clips are cut from them."""

    COLOURS, SECONDS = 32, 6

    def __init__(self, rng: np.random.Generator) -> None:
        length = self.SECONDS * RATE
        spectrum = np.fft.rfft(rng.normal(size=(self.COLOURS, length)))
        hertz = np.fft.rfftfreq(length, 1 / RATE) + 20
        spectrum *= (hertz / 1000) ** -rng.uniform(0, 1, (self.COLOURS, 1))
        made = np.fft.irfft(spectrum, length)
        self._noises = made / made.std(axis=1, keepdims=True)

    def draw(self, count: int, rng: np.random.Generator) -> Floats:
        """Noise of power 1, [count, LENGTH]."""
        colours = rng.integers(0, self.COLOURS, count)
        starts = rng.integers(0, self._noises.shape[1] - LENGTH, count)
        return np.stack(
            [self._noises[c, s : s + LENGTH] for c, s in zip(colours, starts, strict=True)]
        )


def spoken(
    words: Words, chosen: Sequence[int], mix: Mix, noise: Noise, rng: np.random.Generator
) -> Clips:
    """The chosen words, each anywhere in its clip's second; before that, often the end of another
    word, as in a stream."""
    placed = np.zeros((len(chosen), LENGTH))
    power = np.zeros(len(chosen))
    for index, number in enumerate(chosen):
        word = _warped(words[number], mix.warp, rng)
        start = BEFORE + rng.integers(0, max(1, RATE - len(word)))
        placed[index, start : start + len(word)] = word[: LENGTH - start]
        power[index] = np.mean(word**2)
        if rng.random() < _EARLIER:
            earlier = words[int(rng.integers(len(words)))][-int(rng.integers(1, BEFORE)) :]
            placed[index, : len(earlier)] = earlier
    return Clips(_in_noise(placed, power, mix, noise, rng), words.labels[list(chosen)])


def pieces(
    words: Words, chosen: Sequence[int], mix: Mix, noise: Noise, rng: np.random.Generator
) -> Clips:
    """Words of which the second holds less than half: begun at its end, or ended at its start."""
    placed = np.zeros((len(chosen), LENGTH))
    power = np.zeros(len(chosen))
    for index, number in enumerate(chosen):
        word = _warped(words[number], mix.warp, rng)
        inside = int(len(word) * rng.uniform(0.1, 0.45))
        if rng.random() < 0.5:
            placed[index, LENGTH - inside :] = word[:inside]
        else:
            tail = word[-(inside + BEFORE) :]
            end = BEFORE + inside
            placed[index, end - len(tail) : end] = tail
        power[index] = np.mean(word**2)
    return Clips(_in_noise(placed, power, mix, noise, rng), np.full(len(chosen), OTHER))


def silence(count: int, noise: Noise, rng: np.random.Generator) -> Clips:
    """Noise alone, from the last bit to a tenth of full scale."""
    loudness = 10 ** rng.uniform(0, 3.3, (count, 1))
    return Clips(_stored(noise.draw(count, rng) * loudness), np.full(count, SILENCE))


def _warped(word: Samples, warp: float, rng: np.random.Generator) -> Floats:
    """The word played faster or slower: another length of the vocal tract, to a listener."""
    factor = 1 + rng.uniform(-warp, warp)
    at = np.arange(int(len(word) / factor)) * factor
    return np.interp(at, np.arange(len(word)), word.astype(np.float64))


def _in_noise(
    placed: Floats, power: Floats, mix: Mix, noise: Noise, rng: np.random.Generator
) -> Samples:
    snr = rng.uniform(*mix.snr, (len(placed), 1))
    made = placed + noise.draw(len(placed), rng) * np.sqrt(power)[:, None] * 10 ** (-snr / 20)
    return _stored(made * 10 ** (rng.uniform(-25, 0, (len(placed), 1)) / 20))


def _stored(samples: Floats) -> Samples:
    return np.round(samples).clip(-32768, 32767).astype(np.int16)
