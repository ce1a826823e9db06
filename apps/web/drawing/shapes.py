"""Shapes as strokes: polylines in a square from -1 to 1, y downwards.

`KNOWN` are the classes of the page, `PRACTICE` further shapes that only the features learn from,
and `UNSEEN` what nothing was trained on: for teaching, and for measuring how well that works.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]
Shape = Sequence[Points]
DEGREE = np.pi / 180


def line(*points: tuple[float, float]) -> Points:
    """Straight from point to point."""
    return np.array(points, np.float64)


def arc(x: float, y: float, rx: float, ry: float, start: float, end: float) -> Points:
    """Part of an ellipse, clockwise from `start` to `end` degrees; 0 is to the right."""
    angles = np.linspace(start * DEGREE, end * DEGREE, 33)
    return np.stack([x + rx * np.cos(angles), y + ry * np.sin(angles)], 1)


def joined(*parts: Points) -> Points:
    """Several lines drawn without lifting the pen."""
    return np.concatenate(parts)


def _star() -> Points:
    angles = np.arange(6) * 144 * DEGREE - np.pi / 2
    return np.stack([np.cos(angles), np.sin(angles)], 1)


def _heart() -> Points:
    t = np.linspace(0, 2 * np.pi, 49)
    x = np.sin(t) ** 3
    y = -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)) / 16
    return np.stack([x, y], 1)


def _spiral() -> Points:
    t = np.linspace(0, 5 * np.pi, 97)
    return np.stack([t * np.cos(t), t * np.sin(t)], 1) / (5 * np.pi)


def _wave() -> Points:
    x = np.linspace(-1, 1, 49)
    return np.stack([x, 0.45 * np.sin(x * 2 * np.pi)], 1)


KNOWN: Mapping[str, Shape] = {
    "circle": [arc(0, 0, 1, 1, -90, 270)],
    "square": [line((-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9), (-0.9, -0.9))],
    "triangle": [line((0, -0.9), (1, 0.8), (-1, 0.8), (0, -0.9))],
    "star": [_star()],
    "heart": [_heart()],
    "arrow": [line((-1, 0), (1, 0)), line((0.4, -0.6), (1, 0), (0.4, 0.6))],
    "lightning": [line((0.4, -1), (-0.5, 0.1), (0.4, 0), (-0.4, 1))],
    "plus": [line((0, -1), (0, 1)), line((-1, 0), (1, 0))],
}

UNSEEN: Mapping[str, Shape] = {
    "spiral": [_spiral()],
    "hourglass": [line((-0.7, -1), (0.7, -1), (-0.7, 1), (0.7, 1), (-0.7, -1))],
    "fish": [
        joined(arc(-0.25, 0, 0.75, 0.5, 30, 330), line((1, 0.55), (1, -0.55))),
        line((1, -0.55), (0.4, 0.25)),
    ],
    "flag": [line((-0.6, 1), (-0.6, -1), (0.8, -0.6), (-0.6, -0.1))],
    "umbrella": [
        joined(arc(0, 0, 1, 0.9, 180, 360), line((-1, 0))),
        joined(line((0, 0), (0, 0.8)), arc(0.2, 0.8, 0.2, 0.2, 180, 0)),
    ],
}

PRACTICE: Mapping[str, Shape] = {
    "line": [line((0, -1), (0, 1))],
    "dash": [line((-1, 0), (1, 0))],
    "slash": [line((0.7, -1), (-0.7, 1))],
    "corner": [line((-0.7, -1), (-0.7, 1), (0.8, 1))],
    "cross": [line((-0.8, -0.8), (0.8, 0.8)), line((0.8, -0.8), (-0.8, 0.8))],
    "v": [line((-0.8, -0.9), (0, 0.9), (0.8, -0.9))],
    "moon": [joined(arc(0, 0, 0.9, 1, 60, 300), arc(0.55, 0, 0.65, 0.8, 280, 80))],
    "house": [
        line((-0.8, 1), (-0.8, -0.1), (0, -1), (0.8, -0.1), (0.8, 1), (-0.8, 1)),
        line((-0.2, 1), (-0.2, 0.4), (0.2, 0.4), (0.2, 1)),
    ],
    "envelope": [
        line((-1, -0.7), (1, -0.7), (1, 0.7), (-1, 0.7), (-1, -0.7)),
        line((-1, -0.7), (0, 0.1), (1, -0.7)),
    ],
    "wave": [_wave()],
    "diamond": [line((0, -1), (0.75, 0), (0, 1), (-0.75, 0), (0, -1))],
    "cup": [line((-0.7, -0.8), (-0.5, 0.8), (0.4, 0.8), (0.6, -0.8), (-0.7, -0.8)),
            arc(0.6, 0, 0.4, 0.4, -90, 90)],
    "sun": [arc(0, 0, 0.5, 0.5, 0, 360), *(line((0.7 * c, 0.7 * s), (c, s)) for c, s in
            ((np.cos(a), np.sin(a)) for a in np.arange(8) * 45 * DEGREE))],
    "smile": [arc(0, 0, 1, 1, 0, 360), arc(0, 0.1, 0.55, 0.45, 20, 160),
              arc(-0.35, -0.3, 0.1, 0.1, 0, 360), arc(0.35, -0.3, 0.1, 0.1, 0, 360)],
    "two": [joined(arc(0, -0.5, 0.6, 0.5, 180, 390), line((-0.6, 1), (0.7, 1)))],
    "three": [joined(arc(0, -0.5, 0.6, 0.5, 200, 450), arc(0, 0.5, 0.65, 0.5, 270, 520))],
    "four": [line((0.3, 1), (0.3, -1), (-0.7, 0.4), (0.8, 0.4))],
    "five": [joined(line((0.6, -1), (-0.5, -1), (-0.55, -0.1)), arc(0, 0.4, 0.65, 0.6, 220, 500))],
    "six": [joined(line((0.4, -1)), arc(0, 0.4, 0.6, 0.6, 200, 540), line((-0.5, 0)))],
    "seven": [line((-0.7, -1), (0.7, -1), (-0.2, 1))],
    "eight": [joined(arc(0, -0.5, 0.5, 0.5, 90, -270), arc(0, 0.5, 0.6, 0.5, -90, 270))],
    "nine": [joined(arc(0, -0.4, 0.6, 0.6, 0, 360), line((0.5, 1)))],
    "infinity": [joined(arc(-0.5, 0, 0.5, 0.4, 0, 360), arc(0.5, 0, 0.5, 0.4, 180, -180))],
    "a": [line((-0.8, 1), (0, -1), (0.8, 1)), line((-0.45, 0.3), (0.45, 0.3))],
    "b": [line((-0.6, -1), (-0.6, 1)), joined(arc(-0.5, -0.5, 0.9, 0.5, -90, 90),
          arc(-0.5, 0.5, 1, 0.5, -90, 90))],
    "e": [line((0.6, -1), (-0.6, -1), (-0.6, 1), (0.6, 1)), line((-0.6, 0), (0.4, 0))],
    "h": [line((-0.7, -1), (-0.7, 1)), line((0.7, -1), (0.7, 1)), line((-0.7, 0), (0.7, 0))],
    "k": [line((-0.6, -1), (-0.6, 1)), line((0.6, -1), (-0.6, 0.1), (0.6, 1))],
    "m": [line((-0.9, 1), (-0.7, -1), (0, 0.5), (0.7, -1), (0.9, 1))],
    "n": [line((-0.7, 1), (-0.7, -1), (0.7, 1), (0.7, -1))],
    "p": [joined(line((-0.6, 1), (-0.6, -1)), arc(-0.5, -0.45, 1, 0.55, -90, 90),
          line((-0.6, 0.1)))],
    "r": [joined(line((-0.6, 1), (-0.6, -1)), arc(-0.5, -0.45, 1, 0.55, -90, 90),
          line((-0.6, 0.1), (0.6, 1)))],
    "s": [joined(arc(0, -0.5, 0.6, 0.5, -30, -270), arc(0, 0.5, 0.65, 0.5, -90, 160))],
    "t": [line((-0.9, -1), (0.9, -1)), line((0, -1), (0, 1))],
    "u": [joined(line((-0.7, -1), (-0.7, 0.3)), arc(0, 0.3, 0.7, 0.7, 180, 0), line((0.7, -1)))],
    "w": [line((-1, -0.9), (-0.5, 0.9), (0, -0.4), (0.5, 0.9), (1, -0.9))],
    "y": [line((-0.7, -1), (0, 0)), line((0.7, -1), (-0.4, 1))],
    "z": [line((-0.7, -1), (0.7, -1), (-0.7, 1), (0.7, 1))],
}  # fmt: skip
