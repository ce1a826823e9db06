"""What the loss gains when a head sees a window alone, by its gradient (Fu et al. 2024, MoA,
arXiv:2406.14909)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from edge.gpu.attention.scores import repeated
from edge.gpu.attention.watch import attending, dense_attention


def window_changes(
    model: nn.Module, ids: torch.Tensor, *, block: int, sinks: int = 0
) -> torch.Tensor:
    """float32[B, L, H, R]: to first order, the change of each sequence's loss, summed over tokens,
    if one head saw its `w + 1` last blocks and the `sinks` first ones alone.

    The attention of a query goes to zero outside and grows inside by the same factor, as its
    softmax does: dL/dA times that change, summed. ids int64[B, T]; R are the blocks of T tokens.
    """
    found: dict[int, torch.Tensor] = {}

    def attend(
        layer: int, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, scale: float
    ) -> torch.Tensor:
        watched: Any = _Watched.apply
        output: torch.Tensor = watched(q, k, v, (scale, block, sinks), (found, layer))
        return output

    run: Any = model
    embedded = run.get_input_embeddings()(ids).detach().requires_grad_()
    with torch.enable_grad(), attending(model, attend):
        logits = run(inputs_embeds=embedded, use_cache=False).logits[:, :-1]
        loss = nn.functional.cross_entropy(
            logits.flatten(0, 1).float(), ids[:, 1:].flatten(), reduction="sum"
        )
        torch.autograd.grad(loss, embedded)
    return torch.stack([found[layer] for layer in sorted(found)], 1)


def predicted_divergence(changes: torch.Tensor, tokens: int) -> torch.Tensor:
    """Nats a token between the dense model and one of so changed attention, float32[...].

    Of `window_changes` of many sequences [S, ...] of `tokens` tokens: half the mean square, the
    second order by Fisher's information. The first order, which MoA sums, has no mean on text that
    a model drew itself, for there the loss is stationary.
    """
    return changes.square().mean(0) / (2 * tokens)


class _Watched(torch.autograd.Function):
    """Dense attention whose backward pass notes what windows would change."""

    @staticmethod
    def forward(ctx: Any, q: Any, k: Any, v: Any, settings: Any, note: Any) -> torch.Tensor:
        ctx.save_for_backward(q, k, v)
        ctx.settings, ctx.note = settings, note
        return dense_attention(q, k, v, settings[0])

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        (scale, block, sinks), (found, layer) = ctx.settings, ctx.note
        q, k, v = ctx.saved_tensors
        found[layer] = _changes(q, repeated(k, q.shape[1]), repeated(v, q.shape[1]), grads[0],
                                scale, block, sinks)  # fmt: skip
        with torch.enable_grad():
            q, k, v = (x.detach().requires_grad_() for x in (q, k, v))
            output = dense_attention(q, k, v, scale)
        return (*torch.autograd.grad(output, (q, k, v), grads[0]), None, None)


def _changes(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, grad: torch.Tensor, scale: float,
    block: int, sinks: int,
) -> torch.Tensor:  # fmt: skip
    """[B, H, R], a row of blocks at a time."""
    rows = -(-q.shape[2] // block)
    total = torch.zeros(*q.shape[:2], rows, device=q.device)
    for row in range(rows):
        tokens = torch.arange(row * block, min((row + 1) * block, q.shape[2]), device=q.device)
        past = torch.arange(int(tokens[-1]) + 1, device=q.device)
        products = (q[:, :, tokens] @ k[:, :, past].transpose(-1, -2)).float() * scale
        attention = products.masked_fill(past > tokens[:, None], -torch.inf).softmax(-1)
        slope = attention * (grad[:, :, tokens] @ v[:, :, past].transpose(-1, -2)).float()
        seen = _seen(row, rows, sinks, q.device).float()
        mass, gain = (_by_block(x, block) @ seen for x in (attention, slope))
        total += (gain / mass - slope.sum(-1, keepdim=True)).sum(2)
    return total


def _seen(row: int, rows: int, sinks: int, device: torch.device) -> torch.Tensor:
    """bool[row + 1, R]: whether a window of w + 1 blocks holds a block of this row's past."""
    past = torch.arange(row + 1, device=device)[:, None]
    return (row - past <= torch.arange(rows, device=device)) | (past < sinks)


def _by_block(x: torch.Tensor, block: int) -> torch.Tensor:
    padded = nn.functional.pad(x, (0, -x.shape[-1] % block))
    return padded.reshape(*x.shape[:-1], -1, block).sum(-1)


def changes_by_length(
    model: nn.Module, calibration: Sequence[torch.Tensor], *, block: int, sinks: int = 0
) -> dict[int, torch.Tensor]:
    """`window_changes` [S, L, H, R] of calibration ids [B, T], for each length T."""
    found: dict[int, list[torch.Tensor]] = {}
    for ids in calibration:
        changes = window_changes(model, ids, block=block, sinks=sinks)
        found.setdefault(ids.shape[1], []).append(changes)
    return {length: torch.cat(changes) for length, changes in found.items()}
