"""Linear layers with packed sparse weights, on a GPU or a CPU.

`pack` makes a `PackedSparse` of a pruned weight, `nm_linear` multiplies with it, and
`sparsify_linears_` puts `NMLinear`s in the place of a model's pruned linear layers.
"""

from edge.gpu.linear.linear import nm_linear
from edge.gpu.linear.module import NMLinear, load_packed, save_packed, sparsify_linears_
from edge.gpu.linear.packed import PackedSparse, pack

__all__ = [
    "NMLinear",
    "PackedSparse",
    "load_packed",
    "nm_linear",
    "pack",
    "save_packed",
    "sparsify_linears_",
]
