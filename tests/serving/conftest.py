"""A small language model with random weights and adapters, and what transformers makes of them."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import torch

from edge.serving import Adapter, LowRank

VOCABULARY, CONTEXT = 64, 128


def small_llama(seed: int = 0, **changes: Any) -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    settings: dict[str, Any] = {
        "vocab_size": VOCABULARY, "hidden_size": 32, "intermediate_size": 48,
        "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
        "max_position_embeddings": CONTEXT, "initializer_range": 0.3, "bos_token_id": None,
        "eos_token_id": None,
    }  # fmt: skip
    torch.manual_seed(seed)
    return LlamaForCausalLM(LlamaConfig(**{**settings, **changes})).eval()


def small_adapter(rank: int, seed: int, model: Any) -> Adapter:
    """On the queries, values and one feed-forward layer of every block."""
    generator = torch.Generator().manual_seed(seed)
    layers = dict(model.named_modules())
    parts = ("self_attn.q_proj", "self_attn.v_proj", "mlp.down_proj")
    names = [name for name in layers if name.endswith(parts)]

    def drawn(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator)

    return {
        name: LowRank(
            drawn(rank, layers[name].in_features) * 0.2, drawn(layers[name].out_features, rank), 0.5
        )
        for name in names
    }  # fmt: skip


def merged(model: Any, adapter: Adapter) -> Any:
    """A copy with the adapter in its weights."""
    made = copy.deepcopy(model)
    for name, part in adapter.items():
        made.get_submodule(name).weight.data += part.scale * part.up @ part.down
    return made


def continued(model: Any, prompt: Sequence[int], tokens: int, **settings: Any) -> list[int]:
    """What transformers' greedy decoding adds."""
    ids = torch.tensor([list(prompt)])
    made = model.generate(
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=tokens, do_sample=False,
        pad_token_id=0, **settings,
    )  # fmt: skip
    return made[0, len(prompt) :].tolist()


@pytest.fixture(scope="session")
def llama() -> Any:
    pytest.importorskip("transformers", reason="needs transformers: pip install 'edge-nn[llm]'")
    torch.set_num_threads(1)
    return small_llama()


@pytest.fixture(scope="session")
def adapters(llama: Any) -> Mapping[str, Adapter]:
    return {f"a{rank}": small_adapter(rank, rank, llama) for rank in (1, 3, 8)}


@pytest.fixture(scope="session")
def with_adapter(llama: Any, adapters: Mapping[str, Adapter]) -> Mapping[str | None, Any]:
    """The model with each adapter merged; None is the base model."""
    return {None: llama, **{name: merged(llama, its) for name, its in adapters.items()}}
