"""2:4 linear layers of Llama-3-8B's feed-forward part."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch.nn.functional import linear

from edge.gpu.linear import nm_linear, pack
from edge.sparsity.patterns import NM
from tests.bench.gpu.row import Row, Setting
from tests.bench.gpu.timing import median_ms

TARGETS = {16: 1.4, 8: 2.5, 4: 3.0}
"""By bits: bfloat16 for many tokens, integers for few."""


def _pruned(setting: Setting, outputs: int, inputs: int) -> torch.Tensor:
    """Random, the two largest of every four kept."""
    weight = setting.random(outputs, inputs)
    groups = weight.view(outputs, inputs // 4, 4)
    best = groups.abs().topk(2, -1).indices
    mask = torch.zeros_like(groups, dtype=torch.bool).scatter_(-1, best, True)
    return torch.where(mask, groups, 0).view_as(weight)


def _many(weight: torch.Tensor, x: torch.Tensor) -> Callable[[], torch.Tensor]:
    """Sparse tensor cores; the weight is converted once, as a loaded model's would be."""
    from torch.sparse import to_sparse_semi_structured

    return partial(linear, x, to_sparse_semi_structured(weight))


def _few(weight: torch.Tensor, x: torch.Tensor, bits: int) -> Callable[[], torch.Tensor]:
    packed = pack(weight.cpu(), NM(2, 4), bits).to(weight.device)
    return partial(nm_linear, x, packed, "triton")


def _row(
    case: str, ours: Callable[[], torch.Tensor], weight: torch.Tensor, x: torch.Tensor, bits: int
) -> Row:
    wanted = linear(x, weight).float()
    error = float((ours().float() - wanted).norm() / wanted.norm())
    return Row(
        case, median_ms(ours), median_ms(partial(linear, x, weight)), target=TARGETS[bits],
        density=0.5, note=f"relative error {error:.1e}, of rounding to {bits} bits too",
    )  # fmt: skip


def two_of_four(setting: Setting) -> Iterator[Row]:
    """Against cuBLAS in bfloat16 with the same weights: 16 bits for many tokens, fewer for few."""
    for outputs, inputs in setting.pick(((14336, 4096), (4096, 14336)), ((64, 32),)):
        weight = _pruned(setting, outputs, inputs)
        for tokens in setting.pick((1024, 4096, 16384), ()):
            x = setting.random(tokens, inputs, seed=1)
            case = f"{inputs} to {outputs}, {tokens} tokens, bf16, cuSPARSELt"
            yield _row(case, _many(weight, x), weight, x, 16)
        for bits in (16, 8, 4):
            for tokens in setting.pick((1, 8, 16), (3,)):
                x = setting.random(tokens, inputs, seed=1)
                row = _row(f"{inputs} to {outputs}, {tokens} tokens, {bits} bits, Triton",
                           _few(weight, x, bits), weight, x, bits)  # fmt: skip
                yield row
