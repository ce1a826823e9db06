"""Sentences of single words with pauses, in noise: what the demo and the tests listen to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from apps.mcu.keyword.speech import RATE, Samples, Utterance, say

PAUSE = 9 * RATE // 10
"""Samples between two words."""


def sentence(
    words: Sequence[str],
    accent: str = "en-us",
    voice: str = "",
    noise: float = 30.0,
    speed: int = 140,
) -> Samples:
    """The words as espeak-ng says them, one after the other, half as loud, in white noise of this
    standard deviation. Raises EdgeError E0401 if espeak-ng is not installed."""
    parts: list[Samples] = []
    for word in words:
        parts += [np.zeros(PAUSE, np.int16), say(Utterance(word, accent, voice, speed, 50))]
    spoken = np.concatenate([*parts, np.zeros(RATE, np.int16)]) / 2
    hiss = np.random.default_rng(0).normal(0, noise, len(spoken))
    return np.round(spoken + hiss).clip(-32768, 32767).astype(np.int16)
