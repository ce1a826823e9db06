"""A folder with config.json and safetensors, as transformers saves a Llama.

Read without torch: the head of a safetensors file is the length of a JSON object, 8 bytes, and the
object, which says of each tensor its type, shape and bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from edge.errors import EdgeError, fail
from edge.frontends.llama.decoder import Block, Decoder, Floats, Shape, block_shapes

_TYPES = {"F32": "<f4", "F16": "<f2", "BF16": "<u2"}
_NAMES = {
    "attention_norm": "input_layernorm",
    "q": "self_attn.q_proj",
    "k": "self_attn.k_proj",
    "v": "self_attn.v_proj",
    "o": "self_attn.o_proj",
    "forward_norm": "post_attention_layernorm",
    "gate": "mlp.gate_proj",
    "up": "mlp.up_proj",
    "down": "mlp.down_proj",
}


def is_checkpoint(path: Path) -> bool:
    """Whether a path is such a folder."""
    return (path / "config.json").is_file()


def load_checkpoint(folder: Path) -> Decoder:
    """The model in a folder.

    Raises EdgeError E0110 for files that are cut short, lack tensors or hold no numbers, E0111 for
    a model of another kind.
    """
    config = _config(folder)
    shape = _shape(config, folder)
    tensors = _Tensors(folder)
    tied = bool(config.get("tie_word_embeddings", False))
    table = (shape.tokens, shape.width)
    return Decoder(
        folder.resolve().name,
        shape,
        tensors.take("model.embed_tokens.weight", table),
        tuple(_block(tensors, shape, i) for i in range(shape.layers)),
        tensors.take("model.norm.weight", (shape.width,)),
        None if tied else tensors.take("lm_head.weight", table),
    )


def _config(folder: Path) -> Mapping[str, Any]:
    try:
        config: Mapping[str, Any] = json.loads((folder / "config.json").read_text())
    except ValueError as error:
        raise _broken(folder, f"config.json: {error}") from error
    kind = config.get("model_type")
    problems = [name for name in ("attention_bias", "mlp_bias") if config.get(name)]
    if config.get("hidden_act", "silu") != "silu":
        problems.append(f"hidden_act {config['hidden_act']}")
    if kind != "llama":
        problems.insert(0, f"model_type {kind}")
    if problems:
        raise fail(
            "E0111", f"this language model cannot be exported: {', '.join(problems)}", str(folder),
            help=["a model_type llama without biases, with silu"],
        )  # fmt: skip
    return config


def _shape(config: Mapping[str, Any], folder: Path) -> Shape:
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    if rope.get("rope_type", rope.get("type", "default")) != "default":
        raise fail("E0111", "rotary angles are scaled", str(folder), help=["rope_type default"])
    try:
        heads = int(config["num_attention_heads"])
        shape = Shape(
            int(config["hidden_size"]), int(config["intermediate_size"]),
            int(config["num_hidden_layers"]), heads,
            int(config.get("num_key_value_heads") or heads), int(config["vocab_size"]),
            int(config["max_position_embeddings"]),
            float(rope.get("rope_theta", config.get("rope_theta", 10000.0))),
            float(config.get("rms_norm_eps", 1e-6)), int(config.get("bos_token_id") or 0),
        )  # fmt: skip
    except (KeyError, TypeError, ValueError) as error:
        raise _broken(folder, f"config.json: {error}") from error
    head = config.get("head_dim") or shape.head
    if shape.width % heads or head != shape.head or heads % shape.groups:
        raise fail("E0111", f"{heads} heads of {head} in a width of {shape.width}", str(folder))
    return shape


def _block(tensors: _Tensors, shape: Shape, index: int) -> Block:
    arrays = {
        name: tensors.take(f"model.layers.{index}.{_NAMES[name]}.weight", wanted)
        for name, wanted in block_shapes(shape).items()
    }
    for name in ("q", "k"):
        arrays[name] = _neighbours(arrays[name], shape.head)
    return Block(**arrays)


def _neighbours(weight: Floats, head: int) -> Floats:
    """Rows that turn together next to each other: transformers keeps them half a head apart."""
    halves = weight.reshape(-1, 2, head // 2, weight.shape[1])
    return halves.swapaxes(1, 2).reshape(weight.shape)


class _Tensors:
    """The tensors of all safetensors files of a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._places = dict(self._find())

    def _find(self) -> Iterator[tuple[str, tuple[Path, int, Mapping[str, Any]]]]:
        for path in sorted(self._folder.glob("*.safetensors")):
            with path.open("rb") as file:
                size = int.from_bytes(file.read(8), "little")
                head = file.read(size) if size <= path.stat().st_size else b""
            try:
                found = json.loads(head)
            except ValueError as error:
                raise _broken(path, "it has no head") from error
            found.pop("__metadata__", None)
            yield from ((name, (path, 8 + size, facts)) for name, facts in found.items())

    def take(self, name: str, shape: tuple[int, ...]) -> Floats:
        if name not in self._places:
            raise _broken(self._folder, f"it lacks {name}")
        path, start, facts = self._places[name]
        if tuple(facts["shape"]) != shape or facts["dtype"] not in _TYPES:
            found = f"{facts['dtype']}{facts['shape']}"
            raise _broken(path, f"{name} is {found}, not floats {list(shape)}")
        begin, end = facts["data_offsets"]
        with path.open("rb") as file:
            file.seek(start + begin)
            data = file.read(end - begin)
        kind = np.dtype(_TYPES[facts["dtype"]])
        if len(data) != kind.itemsize * int(np.prod(shape)):
            raise _broken(path, f"it ends in the middle of {name}")
        return _finite(path, name, _floats(np.frombuffer(data, kind).reshape(shape)))


def _floats(stored: np.ndarray[Any, np.dtype[Any]]) -> Floats:
    """bfloat16 is the upper half of float32."""
    if stored.dtype == np.uint16:
        return (stored.astype(np.uint32) << 16).view(np.float32)
    return stored.astype(np.float32)


def _finite(path: Path, name: str, array: Floats) -> Floats:
    if not np.isfinite(array).all():
        raise _broken(path, f"{name} holds infinities or what is not a number")
    return array


def _broken(where: Path, why: str) -> EdgeError:
    return fail("E0110", "this is no whole language model", str(where), notes=[why])
