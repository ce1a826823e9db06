"""The bytes that stand for a delegated part in a .pte. runtime/executorch/edge_backend.cpp reads
them: little-endian, a header and one record for each input and output.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

from edge.ir import Graph

MAGIC, VERSION = b"EDGE", 1
_HEADER = struct.Struct("<4sIIII32s64s")
_PORT = struct.Struct("<fiII")


def blob_of(
    name: str, digest: bytes, graph: Graph, arena: int, inputs: Sequence[int],
    outputs: Sequence[int],
) -> bytes:  # fmt: skip
    """The blob of an int8 graph; `inputs` and `outputs` are the ranks of torch's tensors.

    `digest` is the SHA-256 of the project, `arena` its bytes of RAM.
    """
    header = _HEADER.pack(
        MAGIC, VERSION, len(inputs), len(outputs), arena, digest, name.encode()
    )  # fmt: skip
    ports = [*_ports(graph, graph.inputs, inputs), *_ports(graph, graph.outputs, outputs)]
    return header + b"".join(ports)


def _ports(graph: Graph, names: Sequence[str], ranks: Sequence[int]) -> Iterator[bytes]:
    """Scale, zero point, elements, and channels of an image that is stored pixel by pixel."""
    for name, rank in zip(names, ranks, strict=True):
        tensor = graph.type(name)
        if tensor.quantization is None:
            raise ValueError(f"{name} is not quantized")
        channels = tensor.shape[-1] if rank == 4 else 1
        scale, zero_point = tensor.quantization.scale[0], tensor.quantization.zero_point[0]
        yield _PORT.pack(scale, zero_point, tensor.elements, channels)
