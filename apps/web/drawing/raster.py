"""Strokes become the picture that the network sees. page/raster.js computes the same.

The drawing is moved and scaled so that its bounding box, as it is, fits the middle of the picture:
where and how large somebody draws does not matter.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .shapes import Points

SIDE, MARGIN = 28, 4
RADIUS = 1.1  # of the pen, in pixels of the picture

Picture = npt.NDArray[np.float32]


def raster(strokes: Sequence[Points], radius: float = RADIUS) -> Picture:
    """A picture [28, 28] from 0 (paper) to 1 (ink); edges are one pixel soft."""
    segments = np.concatenate([_segments(stroke) for stroke in _placed(strokes)])
    centres = np.arange(SIDE) + 0.5
    pixels = np.stack(np.meshgrid(centres, centres), -1).reshape(-1, 1, 2)
    start, along = segments[:, 0], segments[:, 1] - segments[:, 0]
    length = np.maximum((along**2).sum(1), 1e-9)
    part = np.clip(((pixels - start) * along).sum(-1) / length, 0, 1)
    distance = np.sqrt(((start + part[..., None] * along - pixels) ** 2).sum(-1).min(1))
    return np.clip(radius + 0.5 - distance, 0, 1).reshape(SIDE, SIDE).astype(np.float32)


def _segments(stroke: Points) -> Points:
    """[N, 2, 2] from point to point; a lone point is a segment of no length."""
    ends = stroke if len(stroke) > 1 else np.repeat(stroke, 2, 0)
    return np.stack([ends[:-1], ends[1:]], 1)


def _placed(strokes: Sequence[Points]) -> list[Points]:
    points = np.concatenate(list(strokes))
    low, high = points.min(0), points.max(0)
    scale = (SIDE - 2 * MARGIN) / max(float((high - low).max()), 1e-6)
    return [(stroke - (low + high) / 2) * scale + SIDE / 2 for stroke in strokes]
