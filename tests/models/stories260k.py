"""stories260K, a language model of 260,032 parameters: as a transformers model, with its tokenizer.

The files are those of karpathy/llama2.c's format: seven int32 and float32 arrays; rotary embedding
of interleaved pairs, which transformers keeps as halves, so rows of q and k change places.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "models" / "stories260k"
needs_stories = pytest.mark.skipif(
    not FOLDER.exists(), reason="needs stories260k in ../shared/models"
)


class _Reader:
    def __init__(self, path: Path) -> None:
        self._data = np.frombuffer(path.read_bytes(), np.float32, offset=28)
        self._at = 0

    def take(self, *shape: int) -> torch.Tensor:
        size = int(np.prod(shape))
        self._at += size
        return torch.from_numpy(self._data[self._at - size : self._at].copy()).view(*shape)


def _halves(weight: torch.Tensor, heads: int) -> torch.Tensor:
    rows, columns = weight.shape
    pairs = weight.view(heads, rows // heads // 2, 2, columns)
    return pairs.transpose(1, 2).reshape(rows, columns)


def load_stories(path: Path = FOLDER / "stories260K.bin", attention: str = "sdpa") -> Any:
    """The model as transformers.LlamaForCausalLM in evaluation mode."""
    from transformers import LlamaConfig, LlamaForCausalLM

    header = struct.unpack("<7i", path.read_bytes()[:28])
    dim, hidden, layers, heads, kv_heads, vocabulary, context = header
    config = LlamaConfig(
        vocab_size=abs(vocabulary), hidden_size=dim, intermediate_size=hidden,
        num_hidden_layers=layers, num_attention_heads=heads, num_key_value_heads=kv_heads,
        max_position_embeddings=context, rms_norm_eps=1e-5, tie_word_embeddings=vocabulary > 0,
        bos_token_id=1, eos_token_id=2, attn_implementation=attention,
    )  # fmt: skip
    config.rope_parameters = {"rope_type": "default", "rope_theta": 10000.0}
    model = LlamaForCausalLM(config).eval()
    reader, narrow = _Reader(path), dim // heads * kv_heads
    state = {"model.embed_tokens.weight": reader.take(abs(vocabulary), dim)}
    parts = {
        "input_layernorm": (dim,),
        "self_attn.q_proj": (dim, dim),
        "self_attn.k_proj": (narrow, dim),
        "self_attn.v_proj": (narrow, dim),
        "self_attn.o_proj": (dim, dim),
        "post_attention_layernorm": (dim,),
        "mlp.gate_proj": (hidden, dim),
        "mlp.down_proj": (dim, hidden),
        "mlp.up_proj": (hidden, dim),
    }
    rotated = {"self_attn.q_proj": heads, "self_attn.k_proj": kv_heads}
    for part, shape in parts.items():
        for layer, weight in enumerate(reader.take(layers, *shape)):
            turned = _halves(weight, rotated[part]) if part in rotated else weight
            state[f"model.layers.{layer}.{part}.weight"] = turned
    state["model.norm.weight"] = reader.take(dim)
    missing = model.load_state_dict(state, strict=False)
    assert set(missing.missing_keys) <= {"lm_head.weight"}
    model.tie_weights()
    return model


class Tokenizer:
    """Byte pairs by score: the best-scoring adjacent pair is merged until none is left."""

    def __init__(self, path: Path = FOLDER / "tok512.bin", size: int = 512) -> None:
        data, at = path.read_bytes(), 4
        self.pieces: list[bytes] = []
        self.scores: list[float] = []
        for _ in range(size):
            score, length = struct.unpack_from("<fi", data, at)
            self.pieces.append(data[at + 8 : at + 8 + length])
            self.scores.append(score)
            at += 8 + length
        self.index = {piece: i for i, piece in enumerate(self.pieces)}

    def encode(self, text: str) -> list[int]:
        """Token ids without the first one, 1."""
        ids = [self.index[b" "]]
        for letter in text:
            data = letter.encode()
            ids += [self.index[data]] if data in self.index else [byte + 3 for byte in data]
        while (best := self._best_pair(ids)) is not None:
            _, place, merged = best
            ids[place : place + 2] = [merged]
        return ids

    def _best_pair(self, ids: list[int]) -> tuple[float, int, int] | None:
        pairs = (self.index.get(self.pieces[a] + self.pieces[b]) for a, b in pairwise(ids))
        known = [(self.scores[m], -i, m) for i, m in enumerate(pairs) if m is not None]
        score, place, merged = max(known, default=(0.0, 0, -1))
        return (score, -place, merged) if known else None

    def decode(self, ids: Sequence[int]) -> str:
        return b"".join(self.pieces[i] for i in ids).decode(errors="replace")


@functools.cache
def real_texts(context: int = 512) -> tuple[torch.Tensor, ...]:
    """Token ids of a few TinyStories."""
    tokenizer = Tokenizer()
    texts = (FOLDER / "tinystories_sample.txt").read_text().split("<|endoftext|>")
    return tuple(
        torch.tensor([1, *tokenizer.encode(text.strip())][:context])
        for text in texts if text.strip()
    )  # fmt: skip


@torch.no_grad()
def mean_nll(model: Any, sequences: Sequence[torch.Tensor]) -> float:
    """Negative log likelihood a token, in nats."""
    losses = [model(ids[None], labels=ids[None]).loss.item() * (len(ids) - 1) for ids in sequences]
    return sum(losses) / sum(len(ids) - 1 for ids in sequences)


@torch.no_grad()
def sampled(model: Any, sequences: int, length: int, seed: int = 1) -> torch.Tensor:
    """Token ids [sequences, length] drawn from the model: a language model's own data."""
    torch.manual_seed(seed)
    ids: torch.Tensor = model.generate(
        torch.ones(sequences, 1, dtype=torch.long), max_new_tokens=length - 1, do_sample=True,
        temperature=1.0, top_k=0, pad_token_id=2, eos_token_id=None,
    )  # fmt: skip
    return ids
