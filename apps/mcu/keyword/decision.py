"""From the network's scores, step by step, to words: firmware/decision.c in Python, bit for bit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from apps.mcu.keyword.mixing import CLASSES
from apps.mcu.keyword.speech import KEYWORDS

WINDOW = 13
"""Steps of 80 ms whose scores are averaged: one second."""
WINS = 3
"""Steps that a word must lead for."""
PERCENT = 60
"""How sure the average must be of a word."""

_FRACTION = 32  # points of the table of powers of two


@dataclass(frozen=True)
class Detection:
    """A word, the step at which it was recognized, and how sure of it the average was."""

    step: int
    word: str
    percent: int


@dataclass(frozen=True)
class Decision:
    """How scores int8 [steps, classes] of a scale become words."""

    scale: float

    @property
    def factor(self) -> int:
        """Points of the summed scores to 1/32 powers of two, Q16."""
        return round(self.scale / WINDOW / np.log(2) * _FRACTION * 65536)

    @property
    def powers(self) -> npt.NDArray[np.int64]:
        """2 ** (-i / 32) in Q15."""
        return np.round(2.0 ** (15 - np.arange(_FRACTION) / _FRACTION)).astype(np.int64)

    def detect(self, scores: npt.NDArray[np.int8]) -> Iterator[Detection]:
        """The words of a stream that begins with the first step."""
        padded = np.pad(scores.astype(np.int64), ((WINDOW - 1, 0), (0, 0)))
        sums = np.lib.stride_tricks.sliding_window_view(padded, WINDOW, axis=0).sum(axis=-1)
        winner, wins, held = 0, 0, 0
        for step, row in enumerate(sums):
            best = int(row.argmax())
            percent = self._percent(row, best)
            wins = wins + 1 if best == winner else 1
            winner = best
            held = held if best == held else len(CLASSES)
            if best < len(KEYWORDS) and best != held and wins >= WINS and percent >= PERCENT:
                held = best
                yield Detection(step, KEYWORDS[best], percent)

    def _percent(self, sums: npt.NDArray[np.int64], best: int) -> int:
        power = (sums[best] - sums) * self.factor >> 16
        likelihood = self.powers[power & (_FRACTION - 1)] >> np.minimum(power >> 5, 31)
        total = int(np.where(power >> 5 > 15, 0, likelihood).sum())
        return (100 * (1 << 15) + total // 2) // total

    def c_header(self) -> str:
        """decision_settings.h."""
        values = {
            "STEPS": WINDOW,
            "WINS": WINS,
            "PERCENT": PERCENT,
            "CLASSES": len(CLASSES),
            "KEYWORDS": len(KEYWORDS),
            "FACTOR": f"{self.factor}u",
        }
        defines = "\n".join(f"#define DECISION_{name} {value}" for name, value in values.items())
        names = ", ".join(f'"{word}"' for word in KEYWORDS)
        powers = ", ".join(map(str, self.powers))
        return _HEADER.format(defines=defines, names=names, powers=powers)


_HEADER = """/* SPDX-License-Identifier: Apache-2.0
 *
 * Settings of decision.h, written by apps/mcu/keyword/decision.py.
 */
#ifndef KEYWORD_DECISION_SETTINGS_H
#define KEYWORD_DECISION_SETTINGS_H

#include <stdint.h>

{defines}

static const char *const decision_words[DECISION_KEYWORDS] = {{{names}}};

static const uint16_t decision_powers[] = {{{powers}}};

#endif
"""
