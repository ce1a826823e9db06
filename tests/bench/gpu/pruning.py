"""Streamed pruning of a checkpoint of Llama-3-8B's shape, and AST of a model trained in the job."""

from __future__ import annotations

import copy
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch

from edge.gpu.pruning import prune_checkpoint
from edge.sparsity.layerwise.blocks import block_list, linears
from edge.sparsity.layerwise.recipe import Recipe
from edge.sparsity.masked import attach, bake
from edge.sparsity.pattern_names import parse_pattern
from edge.sparsity.patterns import NM
from edge.sparsity.schedules.ast import AdaptiveSparse, Distillation, Logits
from edge.sparsity.training import Training, train
from tests.bench.gpu.language import LLAMA_3_8B, LLAMA_30M, TINY, code, fit, llama, nll, windows
from tests.bench.gpu.row import Row, Setting
from tests.bench.gpu.timing import finish, peak_bytes

BLOCKS = 2
"""Of 32 that the checkpoint has: blocks are alike, and are pruned one after the other."""

METHODS = {
    "Wanda 2:4": (Recipe(NM(2, 4), method="wanda", refit="none"), 5.0, 8.0),
    "SparseGPT 2:4": (Recipe(NM(2, 4), method="sparsegpt"), 20.0, 80.0),
    "Wanda 2:4 + CG refit": (Recipe(NM(2, 4), method="wanda", refit="cg"), 20.0, 80.0),
}
"""With the minutes and GiB that are the goal; only Wanda's memory has one, 80 is a card."""


def streamed(setting: Setting) -> Iterator[Row]:
    """Two blocks, times 16; there is no dense baseline, the target is minutes and bytes."""
    shape = setting.pick(LLAMA_3_8B | {"num_hidden_layers": BLOCKS, "vocab_size": 32000}, TINY)
    samples, length = setting.pick((128, 2048), (4, 16))
    ids = torch.randint(0, 256, (samples, length), generator=torch.Generator().manual_seed(0))
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "dense"
        llama(setting, shape).save_pretrained(source)
        for name, (recipe, minutes, most) in METHODS.items():
            target = Path(folder) / name.replace(" ", "-").replace(":", "-")
            begin = time.perf_counter()
            memory = peak_bytes(partial(
                prune_checkpoint, source, target, recipe, ids, device=setting.device
            ))  # fmt: skip
            finish()
            found = (time.perf_counter() - begin) / 60 * 32 / BLOCKS
            used = None if memory is None else memory / 2**30
            size = "not measured" if used is None else f"{used:.1f} GiB, goal {most:g}"
            yield Row(f"{name}, {samples} x {length} tokens", found, unit="minutes",
                      density=0.5, note=f"goal {minutes:g} minutes; peak {size}",
                      met=found <= minutes and (used or 0) <= most)  # fmt: skip


def _sparse(dense: Any, ids: torch.Tensor, epochs: int, batch: int) -> Any:
    """2:4, trained to say what the dense model says."""
    student = Logits(copy.deepcopy(dense).train())
    prefix, blocks = block_list(student)
    layers = {f"{prefix}.{place}": 0.5 for place in linears(blocks)}
    attach(student, parse_pattern("2:4"), layers, dense_gradient=True)
    rate = 5e-4
    training = Training(epochs, batch, rate=rate, loss=Distillation(Logits(dense)), progress=False)
    optimizer = torch.optim.AdamW(student.parameters(), rate, betas=(0.9, 0.95), weight_decay=0.0)
    train(student, ids, ids, training, AdaptiveSparse(), optimizer=optimizer)
    return bake(student).model


def ast(setting: Setting) -> Iterator[Row]:
    """30 million parameters on bytes of Python code; nats a byte on held-out files."""
    steps, batch, length = setting.pick((4000, 64, 512), (4, 2, 32))
    text = windows(code(setting.pick(20_000_000, 4_000)), length).to(setting.device)
    held = setting.pick(512, 8)
    ids, unseen = text[:-held], text[-held:]
    dense = llama(setting, setting.pick(LLAMA_30M, TINY), dtype=torch.float32)
    fit(dense, ids, steps, rate=1e-3, batch=batch)
    epochs = max(1, round(setting.pick(2000, 2) * batch / len(ids)))
    sparse = _sparse(dense, ids, epochs, batch)
    ours, base = nll(sparse, unseen), nll(dense, unseen)
    count = sum(p.numel() for p in dense.parameters())
    yield Row(
        f"2:4, {count / 1e6:.1f}M parameters, {steps} + {epochs * (len(ids) // batch)} steps", ours,
        base, "nats a byte", density=0.5, note="goal: within 0.05 nats", met=ours - base <= 0.05,
    )  # fmt: skip
