"""Llama models of given shapes, and real text for the small ones: bytes of Python's library."""

from __future__ import annotations

import sysconfig
from pathlib import Path
from typing import Any

import torch

from tests.bench.gpu.row import Setting

_SIZES = (
    "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
    "num_key_value_heads", "vocab_size",
)  # fmt: skip


def _shape(*sizes: int) -> dict[str, int]:
    return dict(zip(_SIZES, sizes, strict=True))


LLAMA_3_8B = _shape(4096, 14336, 32, 32, 8, 128256)
LLAMA_1B = _shape(2048, 5504, 24, 16, 16, 32000)
LLAMA_30M = _shape(512, 1408, 10, 8, 8, 256)
TINY = _shape(64, 96, 2, 4, 2, 256)


def llama(
    setting: Setting, shape: dict[str, int], *, dtype: torch.dtype | None = None, seed: int = 0
) -> Any:
    """A LlamaForCausalLM with random weights."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    config = LlamaConfig(**shape, bos_token_id=None, eos_token_id=None)
    with torch.device(setting.device):
        return LlamaForCausalLM._from_config(config, dtype=dtype or setting.dtype).eval()


def code(length: int) -> torch.Tensor:
    """Bytes of the modules of Python's library, as token ids int64[length]."""
    folder = Path(sysconfig.get_paths()["stdlib"])
    files = [f for f in folder.rglob("*.py") if not {"site-packages", "test"} & set(f.parts)]
    data = bytearray()
    for file in sorted(files):
        if len(data) < length:
            data += file.read_bytes()
    return torch.frombuffer(data[:length], dtype=torch.uint8).long()


def windows(text: torch.Tensor, length: int) -> torch.Tensor:
    """int64[N, length]: the text in pieces; a rest is left out."""
    count = len(text) // length
    return text[: count * length].view(count, length)


def loss_of(model: Any, ids: torch.Tensor) -> torch.Tensor:
    return model(input_ids=ids, labels=ids, use_cache=False).loss


@torch.no_grad()
def nll(model: Any, ids: torch.Tensor, batch: int = 32) -> float:
    """Nats a token of held-out pieces [N, length]."""
    model.eval()
    losses = [float(loss_of(model, part)) * len(part) for part in ids.split(batch)]
    return sum(losses) / len(ids)


def fit(model: Any, ids: torch.Tensor, steps: int, *, rate: float, batch: int = 16) -> None:
    """AdamW with a rate that falls to nothing."""
    betas = (0.9, 0.95)
    optimizer = torch.optim.AdamW(model.parameters(), rate, betas=betas, weight_decay=0.0)
    generator = torch.Generator().manual_seed(0)
    model.train()
    for step in range(steps):
        part = ids[torch.randint(len(ids), (batch,), generator=generator)]
        for group in optimizer.param_groups:
            group["lr"] = rate * min((step + 1) / 20, 1 - step / steps)
        loss_of(model, part).backward()
        optimizer.step()
        optimizer.zero_grad()
    model.eval()
