"""grouped_lora_: each token of a batch has its own adapter; two backends with one result."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from edge.errors import fail
from edge.serving.adapter import unfit
from edge.serving.pool import AdapterPool, Pages

BACKENDS = ("auto", "reference", "triton")

Parts = Sequence[Pages | None]
Backend = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, Parts], None]


def grouped_lora_(
    y: torch.Tensor,
    x: torch.Tensor,
    pool: AdapterPool,
    layer: str,
    adapters: Sequence[str | None],
    backend: str = "auto",
) -> torch.Tensor:
    """y += scale * x A^T B^T in place, with the adapter of each token; gives y.

    y: [tokens, outputs]; x: [tokens, inputs]; `adapters` names one a token, None is the base model.
    backend: "reference", "triton" or "auto", which is "triton" on a GPU. Raises EdgeError E0091 for
    an adapter that is not loaded or made for other sizes, or an unknown backend.
    """
    if backend not in BACKENDS:
        raise fail("E0091", f"no backend {backend!r} for adapters",
                   help=[f"one of {', '.join(BACKENDS)}"])  # fmt: skip
    parts = [pool.layer(name, layer) if name else None for name in adapters]
    sizes = x.shape[1], y.shape[1]
    for name, part in zip(adapters, parts, strict=True):
        if part is not None and (part.inputs, part.outputs) != sizes:
            raise unfit(name, f"{layer} has {sizes[0]} inputs and {sizes[1]} outputs, "
                              f"the adapter {part.inputs} and {part.outputs}")  # fmt: skip
    if backend == "triton" or (backend == "auto" and x.is_cuda):
        from edge.serving.triton_kernels import triton_lora_

        triton_lora_(y, x, pool.arena, parts)
    else:
        reference_lora_(y, x, pool.arena, parts)
    return y


def reference_lora_(y: torch.Tensor, x: torch.Tensor, arena: torch.Tensor, parts: Parts) -> None:
    """The same in torch, an adapter at a time."""
    groups: dict[int, tuple[Pages, list[int]]] = {}
    for token, part in enumerate(parts):
        if part is not None:
            groups.setdefault(id(part), (part, []))[1].append(token)
    for part, tokens in groups.values():
        down = arena[list(part.down), : part.inputs]
        up = arena[list(part.up), : part.outputs]
        y[tokens] += (part.scale * (x[tokens] @ down.T) @ up).to(y.dtype)
