"""A hand that draws shapes: never twice the same."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .shapes import Points, Shape

_STEP = 0.08  # between points, in shapes that are 2 wide


def drawn(shape: Shape, rng: np.random.Generator) -> list[Points]:
    """The shape turned by up to 15 degrees, stretched, sheared, bent, with loose ends."""
    turn, shear = rng.uniform(-15, 15) * np.pi / 180, rng.uniform(-0.2, 0.2)
    stretch = np.exp(rng.uniform(-0.25, 0.25, 2))
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    matrix = matrix @ np.array([[stretch[0], shear], [0, stretch[1]]])
    bend = _bend(rng)
    return [bend(_loose(resampled(stroke), rng) @ matrix.T) for stroke in shape]


def resampled(stroke: Points) -> Points:
    """The same line with points at even distances."""
    steps = np.hypot(*np.diff(stroke, axis=0).T)
    along = np.concatenate([[0], np.cumsum(steps)])
    at = np.linspace(0, along[-1], max(2, int(along[-1] / _STEP) + 1))
    return np.stack([np.interp(at, along, stroke[:, i]) for i in (0, 1)], 1)


def _loose(stroke: Points, rng: np.random.Generator) -> Points:
    """A stroke that begins late, ends early or overshoots, and sits a bit off its place."""
    most = max(1, len(stroke) // 16)
    start, end = rng.integers(0, most + 1, 2)
    kept = stroke[start : len(stroke) - end]
    ahead = kept[-1] + (kept[-1] - kept[-2]) * np.arange(1, rng.integers(0, most + 1) + 1)[:, None]
    return np.concatenate([kept, ahead]) + rng.normal(0, 0.04, 2)


def _bend(rng: np.random.Generator) -> Callable[[Points], Points]:
    """A smooth displacement of the plane by up to about 0.1."""
    waves = rng.normal(0, 0.045, (4, 2))
    direction = rng.normal(0, 2.0, (4, 2))
    phase = rng.uniform(0, 2 * np.pi, 4)

    def bent(points: Points) -> Points:
        return points + np.sin(points @ direction.T + phase) @ waves

    return bent
