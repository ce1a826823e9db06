"""Sets of pictures drawn by the scripted hand."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from .hand import drawn
from .raster import RADIUS, Picture, raster
from .shapes import Shape


def drawings(
    shapes: Mapping[str, Shape], count: int, seed: int, pens: bool = True
) -> tuple[Picture, npt.NDArray[np.int64]]:
    """`count` pictures [1, 28, 28] of each shape and its number; `pens` of several widths."""
    rng = np.random.default_rng(seed)
    images = [
        raster(drawn(shape, rng), RADIUS * (rng.uniform(0.7, 1.4) if pens else 1))
        for shape in shapes.values()
        for _ in range(count)
    ]
    return np.stack(images)[:, None], np.repeat(np.arange(len(shapes)), count)
