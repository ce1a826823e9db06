"""The kernels for the matrix products of Armv8.6, runtime/kernels/neoni8mm, beside those of neon.

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
from edge.planning.kernels_neon_sparse import DOT, MATRIX

_CONVOLVE = ("neon/convolve.c", "neoni8mm/multiply.c")
_TRANSFORM = ("neon/transform.c", "neoni8mm/multiply.c")

KERNELS: tuple[Kernel, ...] = (
    Kernel(
        "neoni8mm/conv2d_s8", "conv2d", convolves, costs_neon.CONVOLVE_MATRIX, windows_scratch,
        sources=_CONVOLVE,
    ),
    Kernel(
        "neoni8mm/linear_s8", "conv2d", transforms, costs_neon.TRANSFORM_MATRIX, pixels_scratch,
        flat=True, granule=PIXELS, sources=_TRANSFORM,
    ),
    Kernel(
        "neoni8mm/linear_s8", "linear", transforms, costs_neon.TRANSFORM_MATRIX, pixels_scratch,
        flat=True, granule=PIXELS, sources=_TRANSFORM,
    ),
    *MATRIX,
    *DOT,  # cores with i8mm have SDOT as well
)  # fmt: skip
