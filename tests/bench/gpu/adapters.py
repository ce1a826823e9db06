"""2,000 LoRA adapters of ranks 8 to 64 in one pool, drawn by Zipf's law."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from torch import nn

from edge.serving.adapter import LowRank
from edge.serving.mixed_batch import mixed_batch
from edge.serving.pool import AdapterPool
from tests.bench.gpu.row import Row, Setting
from tests.bench.gpu.timing import median_ms

RANKS = (8, 16, 32, 64)
TARGETS = ("q_proj", "v_proj", "o_proj")


class _Layer(nn.Module):
    """The linear layers that a decoder layer of Llama-3-8B's shape has, without attention."""

    def __init__(self, setting: Setting) -> None:
        super().__init__()
        size, narrow, hidden = setting.pick((4096, 1024, 14336), (64, 32, 96))
        shapes = {
            "q_proj": (size, size), "k_proj": (size, narrow), "v_proj": (size, narrow),
            "o_proj": (size, size), "gate_proj": (size, hidden), "up_proj": (size, hidden),
            "down_proj": (hidden, size),
        }  # fmt: skip
        for name, (inputs, outputs) in shapes.items():
            layer = nn.Linear(inputs, outputs, bias=False)
            self.add_module(name, layer.to(setting.device, setting.dtype))

    def forward(self, x: torch.Tensor) -> Any:
        parts: Any = self
        seen = parts.q_proj(x) + (parts.k_proj(x).sum(-1) + parts.v_proj(x).sum(-1))[..., None]
        x = parts.o_proj(seen)
        return parts.down_proj(nn.functional.silu(parts.gate_proj(x)) * parts.up_proj(x))


def _adapter(setting: Setting, layer: nn.Module, number: int) -> dict[str, LowRank]:
    rank = setting.pick(RANKS, (2, 4, 8, 4))[number % len(RANKS)]
    found = {}
    for place, name in enumerate(TARGETS):
        outputs, inputs = layer.get_parameter(f"{name}.weight").shape
        found[name] = LowRank(
            0.02 * setting.random(rank, inputs, seed=10 * number + place),
            0.02 * setting.random(outputs, rank, seed=10 * number + place + 5), 16 / rank,
        )  # fmt: skip
    return found


def _drawn(count: int, batch: int) -> list[str]:
    """Names of the adapters of a batch; the nth is drawn with weight 1 / n."""
    weights = 1 / torch.arange(1, count + 1, dtype=torch.float64)
    numbers = torch.multinomial(weights, batch, True, generator=torch.Generator().manual_seed(0))
    return [str(number) for number in numbers.tolist()]


def _peft(layer: nn.Module, adapters: dict[str, dict[str, LowRank]]) -> Any:
    """peft's model of the same adapters: those of the batch, which is all that it computes with."""
    from peft import LoraConfig, PeftModel

    model: Any = None
    for name, adapter in adapters.items():
        rank = adapter[TARGETS[0]].rank
        config = LoraConfig(r=rank, lora_alpha=16, target_modules=list(TARGETS))
        if model is None:
            model = PeftModel(layer, config, adapter_name=f"a{name}")
        else:
            model.add_adapter(f"a{name}", config)
        for target, part in adapter.items():
            tuned = model.base_model.model.get_submodule(target)
            tuned.lora_A[f"a{name}"].weight.data = part.down.clone()
            tuned.lora_B[f"a{name}"].weight.data = part.up.clone()
    return model.eval()


@torch.no_grad()
def many_adapters(setting: Setting) -> Iterator[Row]:
    """One decoding step of a layer, one token a request: ours, peft's mixed batch, base alone."""
    count, batch = setting.pick((2000, 64), (6, 4))
    layer = _Layer(setting).eval()
    adapters = {str(n): _adapter(setting, layer, n) for n in range(count)}
    need = sum(2 * part.rank for adapter in adapters.values() for part in adapter.values())
    width = setting.pick(4096, 64)
    pool = AdapterPool(need, width, setting.dtype, setting.device)
    for name, adapter in adapters.items():
        pool.load(name, adapter)
    names = _drawn(count, batch)
    x = setting.random(batch, 1, width, seed=3)
    base = median_ms(partial(layer, x))
    backend = "triton" if setting.device == "cuda" or setting.tiny else "auto"
    with mixed_batch(layer, pool, names, backend):
        ours, output = median_ms(partial(layer, x)), layer(x)
    model = _peft(layer, {name: adapters[name] for name in dict.fromkeys(names)})
    run = partial(model, x, adapter_names=[f"a{name}" for name in names])
    dense, wanted = median_ms(run), run()
    error = float((output - wanted).norm() / wanted.norm())
    yield Row(
        f"{count:,} adapters, batch {batch}, {len(set(names))} of them in it", ours, dense,
        target=10.0, note=f"{ours / base - 1:+.0%} over base decode; peft differs by {error:.1e}",
        met=dense / ours >= 10 and ours <= 1.15 * base,
    )  # fmt: skip
