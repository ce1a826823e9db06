"""Sirius: half of the feed-forward neurons draft, the full model corrects."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import torch

from edge.serving.contextual import contextual_drafter, prompt_neurons
from edge.serving.correction import Correction, corrected_greedy, greedy
from tests.bench.gpu.language import LLAMA_3_8B, TINY, llama
from tests.bench.gpu.row import Row, Setting
from tests.bench.gpu.timing import median_ms


def _in_blocks(model: Any) -> int:
    return sum(p.numel() for p in model.model.layers.parameters())


@torch.no_grad()
def sirius(setting: Setting) -> Iterator[Row]:
    """Latency of a text at batch 1, strict. The weights are random, so how often drafts agree is
    not what a trained model's would; the second row is the bound if they always did.
    """
    model = llama(setting, setting.pick(LLAMA_3_8B, TINY))
    period, tokens = 16, setting.pick(128, 12)
    vocabulary = model.config.vocab_size
    generator = torch.Generator().manual_seed(0)
    prompt = torch.randint(0, vocabulary, (1, setting.pick(256, 8)), generator=generator)
    prompt = prompt.to(setting.device)
    draft = contextual_drafter(model, 0.5, prompt_neurons(model, prompt, 0.5))
    share = _in_blocks(draft) / _in_blocks(model)
    corrected = partial(corrected_greedy, model, draft, prompt, tokens, Correction(period))
    run = corrected()
    ours, dense = median_ms(corrected), median_ms(partial(greedy, model, prompt, tokens))
    equal = torch.equal(run.ids, greedy(model, prompt, tokens))
    drafted = tokens - run.passes + run.rejected
    effective = (drafted * share + run.passes) / tokens
    yield Row(
        f"{tokens} tokens, period {period}, strict", ours / tokens, dense / tokens, "ms a token",
        1.25, effective, note=f"{tokens / run.passes:.1f} tokens a pass; equal to greedy: {equal}",
        met=equal and dense / ours >= 1.25 and effective <= 0.75,
    )  # fmt: skip
    yield _bound(setting, model, draft, prompt, period, share, dense / tokens)


def _bound(
    setting: Setting, model: Any, draft: Any, prompt: torch.Tensor, period: int, share: float,
    dense: float,
) -> Row:  # fmt: skip
    """From the time of a drafted token, and of one pass over a period behind the prompt."""
    one, more = setting.pick((16, 48), (2, 4))
    times = [median_ms(partial(greedy, draft, prompt, count)) for count in (one, more)]
    drafted = (times[1] - times[0]) / (more - one)
    longer = torch.cat([prompt, prompt[:, :period]], 1)
    pass_ms = max(median_ms(partial(model, longer)) - median_ms(partial(model, prompt)), dense)
    ours = (period * drafted + pass_ms) / (period + 1)
    effective = (period * share + 1) / (period + 1)
    return Row("the same if all drafts were kept", ours, dense, "ms a token", 1.25, effective,
               note="from the times of a drafted token and of a pass")  # fmt: skip
