"""An ExecuTorch delegate: what Edge can compile of a program becomes C, the rest stays as it is.

    partitioner = EdgePartitioner("cortex-m55", "out/net")
    program = to_edge_transform_and_lower(exported, partitioner=[partitioner]).to_executorch()
    Path("out/net/net.pte").write_bytes(program.buffer)

Compiled code cannot travel in a .pte, so the folder receives the C of every delegated part and the
backend that runs it, to be linked into the program that loads the .pte.
"""

from __future__ import annotations

from edge.errors import fail

try:
    import executorch.exir
    import executorch.kernels.quantized  # noqa: F401  what stays quantized outside of the parts
except ImportError as error:
    raise fail(
        "E0407", "edge.executorch needs ExecuTorch", help=["pip install 'edge-nn[executorch]'"]
    ) from error

from edge.executorch.backend import EdgeBackend
from edge.executorch.partitioner import EdgePartitioner

__all__ = ["EdgeBackend", "EdgePartitioner"]
