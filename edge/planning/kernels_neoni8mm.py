"""The kernels for the matrix products of Armv8.6, runtime/kernels/neoni8mm, beside those of neon.

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

_CONVOLVE = ("neon/convolve.c", "neoni8mm/multiply.c")
_TRANSFORM = ("neon/transform.c", "neoni8mm/multiply.c")

KERNELS: tuple[Kernel, ...] = (
    Kernel(
        "neoni8mm/conv2d_s8", "conv2d", convolves, convolve_cost(0.07), windows_scratch,
        sources=_CONVOLVE,
    ),
    Kernel(
        "neoni8mm/linear_s8", "conv2d", transforms, transform_cost(0.07), pixels_scratch, flat=True,
        granule=PIXELS, sources=_TRANSFORM,
    ),
    Kernel(
        "neoni8mm/linear_s8", "linear", transforms, transform_cost(0.07), pixels_scratch, flat=True,
        granule=PIXELS, sources=_TRANSFORM,
    ),
)  # fmt: skip
