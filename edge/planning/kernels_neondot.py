"""The kernels for the dot products of Armv8.2, runtime/kernels/neondot; what they leave is neon's.

Costs are in `costs_neon`.
"""

from __future__ import annotations

from edge.planning import costs_neon
from edge.planning.kernels import Kernel
from edge.planning.kernels_neon import (
    PIXELS,
    convolves,
    pixels_scratch,
    transforms,
    windows_scratch,
)
from edge.planning.kernels_neon_sparse import DOT

_CONVOLVE = ("neon/convolve.c", "neondot/multiply.c")
_TRANSFORM = ("neon/transform.c", "neondot/multiply.c")

KERNELS: tuple[Kernel, ...] = (
    Kernel(
        "neondot/conv2d_s8", "conv2d", convolves, costs_neon.CONVOLVE_DOT, windows_scratch,
        sources=_CONVOLVE,
    ),
    Kernel(
        "neondot/linear_s8", "conv2d", transforms, costs_neon.TRANSFORM_DOT, pixels_scratch,
        flat=True, granule=PIXELS, sources=_TRANSFORM,
    ),
    Kernel(
        "neondot/linear_s8", "linear", transforms, costs_neon.TRANSFORM_DOT, pixels_scratch,
        flat=True, granule=PIXELS, sources=_TRANSFORM,
    ),
    *DOT,
)  # fmt: skip
