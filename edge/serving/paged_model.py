"""A transformers model that runs the tokens of many requests as one row, keys and values paged."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention

from edge.gpu.attention.hook import PlannedAttention
from edge.serving.key_values import KeyValues, Table
from edge.serving.mixed_batch import mixed_tokens
from edge.serving.pool import AdapterPool

_NAME = "edge_paged"


@dataclass(frozen=True)
class Span:
    """Tokens that follow those `before` of a request; the last `wanted` get logits."""

    tokens: Sequence[int]
    before: int
    table: Table
    adapter: str | None
    wanted: int


@dataclass(frozen=True, eq=False)
class _Step:
    """What attention needs to know of the spans that run together."""

    spans: Sequence[Span]
    store: KeyValues
    planned: PlannedAttention | None

    @cached_property
    def positions(self) -> torch.Tensor:
        """int64[tokens]: of each in its request."""
        ranges = [range(s.before, s.before + len(s.tokens)) for s in self.spans]
        flat = [position for each in ranges for position in each]
        return torch.tensor(flat, device=self.store.memory.data.device)

    @cached_property
    def pages(self) -> torch.Tensor:
        """int64[tokens, layers, 2]: where each token's key and value go."""
        tables = [self.numbers[i][self._blocks(s)] for i, s in enumerate(self.spans)]
        return torch.cat(tables)

    def _blocks(self, span: Span) -> torch.Tensor:
        first, end = span.before, span.before + len(span.tokens)
        return torch.arange(first, end, device=self.positions.device) // self.store.block

    @cached_property
    def numbers(self) -> list[torch.Tensor]:
        """The pages of each span's request."""
        return [self.store.numbers(span.table) for span in self.spans]

    @cached_property
    def singles(self) -> list[int]:
        """Spans of one token, which attend together where all keys count."""
        if self.planned is not None:
            return []
        return [i for i, span in enumerate(self.spans) if len(span.tokens) == 1]

    @cached_property
    def starts(self) -> list[int]:
        """The first token of each span."""
        lengths = torch.tensor([0, *(len(span.tokens) for span in self.spans)])
        return lengths.cumsum(0).tolist()[:-1]

    @cached_property
    def padded(self) -> torch.Tensor:
        """int64[singles, blocks, layers, 2], padded with page 0."""
        return torch.nn.utils.rnn.pad_sequence([self.numbers[i] for i in self.singles], True)

    @cached_property
    def seen(self) -> torch.Tensor:
        """bool[singles, 1, 1, blocks * block]: what is before a single token, and itself."""
        lengths = torch.tensor([self.spans[i].before for i in self.singles])
        places = torch.arange(self.padded.shape[1] * self.store.block)
        return (places <= lengths[:, None])[:, None, None].to(self.padded.device)

    def attend(
        self, module: Any, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, scale: float
    ) -> torch.Tensor:
        """Of q [H, T, D], k and v [G, T, D]: outputs [T, H, D]. Stores keys and values."""
        layer, offsets = module.layer_idx, self.positions % self.store.block
        self.store.write(self.pages[:, layer, 0], offsets, k.transpose(0, 1))
        self.store.write(self.pages[:, layer, 1], offsets, v.transpose(0, 1))
        outputs = torch.empty_like(q)
        if self.singles:
            rows = [self.starts[i] for i in self.singles]
            outputs[:, rows] = self._single(layer, q[:, rows], scale)
        for i in sorted({*range(len(self.spans))} - {*self.singles}):
            place = slice(self.starts[i], self.starts[i] + len(self.spans[i].tokens))
            outputs[:, place] = self._several(module, i, q[:, place], scale)
        return outputs.transpose(0, 1)

    def _single(self, layer: int, q: torch.Tensor, scale: float) -> torch.Tensor:
        keys, values = (
            self.store.read(self.padded[:, :, layer, which]).transpose(1, 2).to(q.dtype)
            for which in (0, 1)
        )
        rows = q.transpose(0, 1)[:, :, None]
        made = scaled_dot_product_attention(
            rows, keys, values, attn_mask=self.seen, scale=scale, enable_gqa=True
        )
        return made[:, :, 0].transpose(0, 1)

    def _several(self, module: Any, index: int, q: torch.Tensor, scale: float) -> torch.Tensor:
        span, layer = self.spans[index], module.layer_idx
        end = span.before + len(span.tokens)
        keys, values = (
            self.store.read(self.numbers[index][:, layer, which])[None, :end].transpose(1, 2).to(q)
            for which in (0, 1)
        )
        if self.planned is not None:
            made, _ = self.planned(module, q[None], keys, values, None, scaling=scale)
            return made[0].transpose(0, 1)
        past = torch.ones(len(span.tokens), end, dtype=torch.bool, device=q.device)
        return scaled_dot_product_attention(
            q[None], keys, values, attn_mask=past.tril(span.before), scale=scale, enable_gqa=True
        )[0]


def _paged_attention(
    module: Any, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, mask: torch.Tensor | None,
    *, edge_step: _Step, scaling: float | None = None, **_: Any,
) -> tuple[torch.Tensor, None]:  # fmt: skip
    """What transformers calls for every layer: q [1, H, T, D], k and v [1, G, T, D]."""
    scale = scaling or q.shape[-1] ** -0.5
    return edge_step.attend(module, q[0], k[0], v[0], scale)[None], None


@dataclass(frozen=True, eq=False)
class PagedModel:
    """model: a causal language model of transformers whose attention is causal and has no bias.

    planned: how it attends, if not to all keys; prompts are then read in one piece.
    """

    model: Any
    store: KeyValues
    pool: AdapterPool
    planned: PlannedAttention | None = None

    @torch.no_grad()
    def run(self, spans: Sequence[Span]) -> list[torch.Tensor]:
        """Run the spans together; logits [wanted, vocabulary] of each."""
        step = _Step(spans, self.store, self.planned)
        device = step.positions.device
        ids = torch.tensor([[t for span in spans for t in span.tokens]], device=device)
        ends = [start + len(s.tokens) for start, s in zip(step.starts, spans, strict=True)]
        rows = [r for end, s in zip(ends, spans, strict=True) for r in range(end - s.wanted, end)]
        names = [span.adapter for span in spans for _ in span.tokens]
        with ExitStack() as stack:
            if any(names):
                stack.enter_context(mixed_tokens(self.model, self.pool, names))
            stack.enter_context(_attending(self.model))
            logits = self.model(
                ids, position_ids=step.positions[None], use_cache=False, edge_step=step,
                logits_to_keep=torch.tensor(rows, dtype=torch.long, device=device),
            ).logits[0]  # fmt: skip
        return list(logits.split([span.wanted for span in spans]))


class _attending:
    """Inside, the model's attention is paged."""

    def __init__(self, model: Any) -> None:
        from transformers import AttentionInterface, AttentionMaskInterface

        AttentionInterface.register(_NAME, _paged_attention)
        AttentionMaskInterface.register(_NAME, lambda *_, **__: None)
        self.model, self.before = model, model.config._attn_implementation

    def __enter__(self) -> None:
        self.model.set_attn_implementation(_NAME)

    def __exit__(self, *_: object) -> None:
        self.model.set_attn_implementation(self.before)
