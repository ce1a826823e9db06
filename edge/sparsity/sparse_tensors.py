"""torch's own sparse tensors as dense ones, on any machine.

Edge knows a sparse weight by its zeros alone, so tensors of torch's sparse layouts (COO, CSR, CSC,
BSR, BSC) and semi-structured ones (2 of 4 kept, 1 of 2 for float32) are made dense when they are
imported. The kernels of semi-structured tensors need a GPU; their values and metadata do not.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn
from torch.sparse import SparseSemiStructuredTensor

from edge.errors import fail

PACKED = "E0103"

_LAYOUTS = (
    torch.sparse_coo, torch.sparse_csr, torch.sparse_csc, torch.sparse_bsr, torch.sparse_bsc,
)  # fmt: skip
_VALUES, _METADATA = "original0", "original1"
_PARAMETRIZATIONS = "parametrizations"


def dense(tensor: torch.Tensor, name: str = "a tensor") -> torch.Tensor:
    """The tensor with its zeros stored; itself if they are.

    `name` is what errors call it. Raises EdgeError E0103 for semi-structured tensors whose metadata
    only cuSPARSELt can read.
    """
    if isinstance(tensor, SparseSemiStructuredTensor):
        return _semi_structured(tensor, name)
    if tensor.layout not in _LAYOUTS:
        return tensor
    made: torch.Tensor = tensor.to_dense()
    return made


def from_packed(
    values: torch.Tensor, metadata: torch.Tensor, name: str = "a tensor"
) -> torch.Tensor:
    """The dense [m, k] of the values [m, k / 2] and metadata of a semi-structured tensor.

    Metadata are in the layout of CUTLASS: int16[m, k/16] for float16 and bfloat16, int16[m, k/8]
    for float32, int32[m, k/32] for int8. They hold two bits for each value (for each half of a
    float32), lowest first: its place among four. Raises EdgeError E0103 where they do not fit.

    torch's own `to_dense` changes float32 values whose halves are signalling NaNs; here all bits
    stay.
    """
    if not _fits(values, metadata):
        raise _unreadable(name, values, metadata)
    halves = values.contiguous().view(torch.int16) if values.itemsize == 4 else values
    rows, count = halves.shape
    words = metadata.reshape(-1)[_word_places(metadata)]
    shifts = torch.arange(0, 8 * metadata.itemsize, 2)
    places = ((words[..., None] >> shifts) & 3).reshape(rows, count).long()
    places += 4 * (torch.arange(count) // 2)
    made = torch.zeros((rows, 2 * count), dtype=halves.dtype).scatter_(1, places, halves)
    return made.view(values.dtype)


_METADATA_OF = {
    torch.float16: torch.int16, torch.bfloat16: torch.int16, torch.float32: torch.int16,
    torch.int8: torch.int32,
}  # fmt: skip


def _fits(values: torch.Tensor, metadata: torch.Tensor) -> bool:
    if values.ndim != 2 or _METADATA_OF.get(values.dtype) is not metadata.dtype:
        return False
    bits = 2 * values.shape[1] * (2 if values.itemsize == 4 else 1)
    groups = 32 if metadata.itemsize == 2 else 16
    columns, rest = divmod(bits, 8 * metadata.itemsize)
    whole = not (rest or columns % 2 or values.shape[0] % groups)
    return whole and metadata.shape == (values.shape[0], columns)


def _word_places(metadata: torch.Tensor) -> torch.Tensor:
    """Where CUTLASS stores word [row, column] of the metadata, int64[rows, columns].

    Rows are dealt out 8 apart within groups of 32 (16 for int32), blocks of 2x2 are transposed, and
    the result is stored column by column, two columns at a time (ColumnMajorInterleaved<2>).
    """
    rows, columns = metadata.shape
    group, apart = (32, 4) if metadata.itemsize == 2 else (16, 2)
    row, column = torch.arange(rows)[:, None], torch.arange(columns)[None]
    row = row // group * group + row % 8 * apart + row % group // 8
    row, column = row - row % 2 + column % 2, column - column % 2 + row % 2
    return column // 2 * (2 * rows) + 2 * row + column % 2


def _semi_structured(tensor: SparseSemiStructuredTensor, name: str) -> torch.Tensor:
    if tensor.packed is not None and tensor.meta is not None:
        return from_packed(tensor.packed.detach().cpu(), tensor.meta.detach().cpu(), name)
    if tensor.packed_t is not None and tensor.meta_t is not None:
        return from_packed(tensor.packed_t.detach().cpu(), tensor.meta_t.detach().cpu(), name).T
    raise fail(
        PACKED, f"{name} is packed by cuSPARSELt, in an order that depends on the GPU", name,
        help=["make it dense where it was made, with .to_dense(), and export that",
              "or pack it with SparseSemiStructuredTensor._FORCE_CUTLASS = True"],
    )  # fmt: skip


def _unreadable(name: str, values: torch.Tensor, metadata: torch.Tensor) -> Exception:
    held = f"{values.dtype}{list(values.shape)} and {metadata.dtype}{list(metadata.shape)}"
    return fail(
        PACKED, f"{name} holds {held}, which are no semi-structured tensor", name,
        help=["values are [m, k/2]; metadata int16[m, k/16], for float32 int16[m, k/8], "
              "for int8 int32[m, k/32]"],
    )  # fmt: skip


def densify(module: nn.Module) -> nn.Module:
    """Make the sparse parameters and buffers of a module dense, zeros included; it is changed.

    Raises EdgeError E0103 as `dense`.
    """
    for path, part in module.named_modules():
        held = (*part.named_parameters(recurse=False), *part.named_buffers(recurse=False))
        for name, tensor in held:
            if _is_sparse(tensor):
                made = dense(tensor.detach(), f"{path}.{name}".lstrip("."))
                trained = isinstance(tensor, nn.Parameter)
                setattr(part, name, nn.Parameter(made, tensor.requires_grad) if trained else made)
    return module


def _is_sparse(tensor: torch.Tensor) -> bool:
    return isinstance(tensor, SparseSemiStructuredTensor) or tensor.layout in _LAYOUTS


def dense_state(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A state dict for the dense module from one with sparse tensors.

    Besides tensors it reads the pairs that torch makes of a semi-structured parameter for tracing:
    NAME.parametrizations.weight.original0 (values) and original1 (metadata) become NAME.weight.
    Raises EdgeError E0103 as `from_packed`.
    """
    made = {}
    for name, tensor in state.items():
        pair = _pair(name, state)
        if pair is None:
            made[name] = dense(tensor, name)
        elif name.endswith(_VALUES):
            made[pair] = from_packed(tensor, state[name.removesuffix(_VALUES) + _METADATA], pair)
    return made


def _pair(name: str, state: Mapping[str, torch.Tensor]) -> str | None:
    """The parameter that a tensor of a state dict is packed values or metadata of."""
    stem, _, last = name.rpartition(".")
    path, _, attribute = stem.rpartition(".")
    metadata = state.get(f"{stem}.{_METADATA}")
    if last not in (_VALUES, _METADATA) or metadata is None or metadata.is_floating_point():
        return None
    owner, _, holder = path.rpartition(".")
    return f"{owner}.{attribute}".lstrip(".") if holder == _PARAMETRIZATIONS else None
