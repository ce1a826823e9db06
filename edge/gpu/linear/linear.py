"""nm_linear: a product with a packed weight; three backends with one result."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.nn.functional import linear

from edge.errors import EdgeError, fail
from edge.gpu.linear.packed import PackedSparse
from edge.sparsity.patterns import NM

BACKEND = "E0094"

Backend = Callable[[torch.Tensor, PackedSparse], torch.Tensor]


def _reference(x: torch.Tensor, packed: PackedSparse) -> torch.Tensor:
    bias = None if packed.bias is None else packed.bias.to(x.dtype)
    return linear(x, packed.dense().to(x.dtype), bias)


def _triton(x: torch.Tensor, packed: PackedSparse) -> torch.Tensor:
    from edge.gpu.linear.triton_kernels import triton_linear

    return triton_linear(x, packed)


def _cusparselt(x: torch.Tensor, packed: PackedSparse) -> torch.Tensor:
    from torch.sparse import to_sparse_semi_structured

    if not x.is_cuda:
        raise _unfit("cusparselt", "torch has semi-structured kernels for CUDA only")
    if packed.pattern != NM(2, 4) or x.dtype not in (torch.float16, torch.bfloat16):
        raise _unfit("cusparselt", "it takes 2:4 weights and 16-bit inputs")
    weight = to_sparse_semi_structured(packed.dense().to(x.dtype))
    return linear(x, weight, None if packed.bias is None else packed.bias.to(x.dtype))


BACKENDS: dict[str, Backend] = {
    "reference": _reference,
    "triton": _triton,
    "cusparselt": _cusparselt,
}


def nm_linear(x: torch.Tensor, packed: PackedSparse, backend: str = "auto") -> torch.Tensor:
    """x [..., in] times a packed weight [out, in] plus its bias: [..., out].

    backend: "reference" (any machine), "triton", "cusparselt" (CUDA, 2:4, 16 bits) or "auto", which
    is "triton" on a GPU. Raises EdgeError E0094 for one that is unknown or cannot run this, and for
    x of another width.
    """
    if backend == "auto":
        backend = "triton" if x.is_cuda else "reference"
    if backend not in BACKENDS:
        raise _unfit(backend, "there is no such backend")
    if x.shape[-1] != packed.shape[1]:
        raise _unfit(backend, f"x has {x.shape[-1]} inputs, the weight {packed.shape[1]}")
    return BACKENDS[backend](x.flatten(0, -2), packed).view(*x.shape[:-1], packed.shape[0])


def _unfit(backend: str, reason: str) -> EdgeError:
    return fail(
        BACKEND, f"backend {backend!r} cannot multiply with this weight: {reason}",
        help=[f"one of {', '.join(BACKENDS)}; reference runs everywhere"],
    )  # fmt: skip
