"""Float32 kernels that add products unrounded, runtime/kernels/fused: WebAssembly with relaxed
SIMD, 64-bit Arm. Sums, layouts and costs are those of f32x4, whose headers they share.
"""

from __future__ import annotations

from edge.planning.kernels import Kernel
from edge.planning.kernels_f32x4 import sums_of_products
from edge.planning.kernels_ref_f32 import fused

KERNELS: tuple[Kernel, ...] = sums_of_products("fused", fused)
