"""The kernels for the dot products of Armv8.2, runtime/kernels/neondot; what they leave is neon's.

Costs are those of `kernels_neon`.
"""

from __future__ import annotations

from edge.planning.kernels import Kernel
from edge.planning.kernels_neon import (
    PIXELS,
    convolve_cost,
    convolves,
    pixels_scratch,
    transform_cost,
    transforms,
    windows_scratch,
)

_CONVOLVE = ("neon/convolve.c", "neondot/multiply.c")
_TRANSFORM = ("neon/transform.c", "neondot/multiply.c")

KERNELS: tuple[Kernel, ...] = (
    Kernel(
        "neondot/conv2d_s8", "conv2d", convolves, convolve_cost(0.1), windows_scratch,
        sources=_CONVOLVE,
    ),
    Kernel(
        "neondot/linear_s8", "conv2d", transforms, transform_cost(0.1), pixels_scratch, flat=True,
        granule=PIXELS, sources=_TRANSFORM,
    ),
    Kernel(
        "neondot/linear_s8", "linear", transforms, transform_cost(0.1), pixels_scratch, flat=True,
        granule=PIXELS, sources=_TRANSFORM,
    ),
)  # fmt: skip
