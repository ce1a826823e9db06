"""The int8 graph of one token: token in; the next token and its logits out.

States: the position, the token that was chosen last, and for each layer the rings of keys and
values. A token outside the vocabulary stands for the one that was chosen last.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from edge.frontends.llama.decoder import Block, Decoder, Floats
from edge.ir import DType, Graph, Node, Quantization, Rounding, State, TensorType, Value
from edge.ir.graph import Attr
from edge.ir.types import Array
from edge.quantization.decoder import FINER, rotary_tables

_POSITION, _LAST = "position", "last"


def decoder_graph(
    decoder: Decoder, stored: Mapping[str, Quantization], window: int, context: int
) -> Graph:
    """The graph for positions 0 to context - 1 whose rings hold `window` of them."""
    return _Builder(decoder, stored, window, context).graph()


class _Builder:
    """Values and nodes as they come; a node is called like its output."""

    def __init__(
        self, decoder: Decoder, stored: Mapping[str, Quantization], window: int, context: int
    ) -> None:
        self.decoder, self.stored = decoder, stored
        self.window, self.context = window, context
        self.values: dict[str, Value] = {}
        self.nodes: list[Node] = []
        self.states: list[State] = []

    def graph(self) -> Graph:
        d = self.decoder
        self._declare("token", (1,), DType.INT32)
        self._state(_POSITION, "next_position", TensorType((1,), DType.INT32), 0)
        self._state(_LAST, "next_token", TensorType((1,), DType.INT32), d.shape.first)
        self._angles()
        self._matrix("embedding", d.embedding)
        x = self._make("embedding", ("token", _LAST, "embedding"), "embedded", d.shape.width)
        for index, block in enumerate(d.blocks):
            x = self._layer(index, block, x)
        self._norm(x, "final", d.norm)
        if d.classifier is not None:
            self._matrix("classifier", d.classifier)
        classifier = "embedding" if d.classifier is None else "classifier"
        self._make("linear", ("final", classifier), "logits", d.shape.tokens)
        self._node("argmax", ("logits",), "next_token", {})
        self._node("advance", (_POSITION,), "next_position", {"limit": self.context})
        return Graph(
            d.name, ("token",), ("next_token", "logits"), tuple(self.nodes), self.values,
            Rounding.SINGLE, tuple(self.states),
        )  # fmt: skip

    def _layer(self, index: int, block: Block, x: str) -> str:
        prefix, shape = f"layer{index}_", self.decoder.shape
        h = self._norm(x, f"{prefix}attention_norm", block.attention_norm)
        q, k, v = (self._linear(h, f"{prefix}{n}", getattr(block, n)) for n in ("q", "k", "v"))
        q, k = self._turned(q, finer=True), self._turned(k)
        rings = (self._ring(f"{prefix}keys", k), self._ring(f"{prefix}values", v))
        heads: dict[str, Attr] = {"heads": shape.heads, "groups": shape.groups}
        inputs = (q, *rings, _POSITION)
        mixed = self._make("ring_attention", inputs, f"{prefix}attention", shape.width, heads)
        x = self._added(x, self._linear(mixed, f"{prefix}o", block.o), f"{prefix}attended")
        h = self._norm(x, f"{prefix}forward_norm", block.forward_norm)
        gate, up = (self._linear(h, f"{prefix}{n}", getattr(block, n)) for n in ("gate", "up"))
        silu: dict[str, Attr] = {"function": "silu"}
        gate = self._make("unary", (gate,), f"{prefix}silu", shape.hidden, silu)
        product = self._make("mul", (gate, up), f"{prefix}product", shape.hidden)
        down = self._linear(product, f"{prefix}down", block.down)
        return self._added(x, down, f"{prefix}stream")

    def _angles(self) -> None:
        shape = self.decoder.shape
        tables = rotary_tables(self.context, shape.head, shape.base)
        for name, table in zip(("fine", "coarse"), tables, strict=True):
            self._constant(f"{name}_angles", table)

    def _linear(self, x: str, name: str, weight: Floats) -> str:
        self._matrix(f"{name}_weight", weight)
        return self._make("linear", (x, f"{name}_weight"), name, len(weight))

    def _norm(self, x: str, name: str, weight: Floats) -> str:
        self._constant(f"{name}_weight", weight)
        epsilon: dict[str, Attr] = {"epsilon": self.decoder.shape.epsilon}
        return self._make("rms_norm", (x, f"{name}_weight"), name, len(weight), epsilon)

    def _turned(self, x: str, finer: bool = False) -> str:
        """With the scale of x; queries, which are not kept, in int16 and finer."""
        kind, made = self.values[x].type, f"{x}_turned"
        if finer:
            scale = Quantization.per_tensor(self.stored[x].scale[0] / FINER, 0)
            kind = replace(kind, dtype=DType.INT16, quantization=scale)
        self.values[made] = Value(made, kind)
        return self._node("rotary", (x, _POSITION, "fine_angles", "coarse_angles"), made, {})

    def _ring(self, name: str, x: str) -> str:
        """The ring after x has been written into it."""
        kind = self.values[x].type
        ring = TensorType((1, self.window, kind.shape[-1]), kind.dtype, kind.quantization)
        self._state(name, f"{name}_after", ring, 0)
        pairs: dict[str, Attr] = {"pairs": True} if name.endswith("values") else {}
        return self._node("append", (name, x, _POSITION), f"{name}_after", pairs)

    def _added(self, x: str, more: str, name: str) -> str:
        return self._make("residual", (x, more), name, self.values[x].type.shape[-1])

    def _make(
        self, op: str, inputs: tuple[str, ...], name: str, width: int,
        attrs: Mapping[str, Attr] | None = None,
    ) -> str:  # fmt: skip
        dtype = DType.INT16 if op in ("embedding", "residual") else DType.INT8
        self._declare(name, (1, width), dtype, self.stored[name])
        return self._node(op, inputs, name, attrs or {})

    def _node(self, op: str, inputs: tuple[str, ...], name: str, attrs: Mapping[str, Attr]) -> str:
        self.nodes.append(Node(name, op, inputs, (name,), dict(attrs)))
        return name

    def _declare(
        self, name: str, shape: tuple[int, ...], dtype: DType, stored: Quantization | None = None
    ) -> None:
        self.values[name] = Value(name, TensorType(shape, dtype, stored))

    def _state(self, read: str, written: str, kind: TensorType, first: int) -> None:
        for name in (read, written):
            self.values[name] = Value(name, kind)
        self.states.append(State(read, written, np.full(kind.shape, first, kind.dtype.numpy)))

    def _constant(self, name: str, data: Array, stored: Quantization | None = None) -> None:
        kind = TensorType(data.shape, DType(str(data.dtype)), stored)
        self.values[name] = Value(name, kind, data)

    def _matrix(self, name: str, weight: Floats) -> None:
        """int8, one scale a row; zeros stay zeros."""
        largest = np.maximum(np.abs(weight).max(axis=1), 1e-6).astype(np.float64)
        scale = largest / 127
        stored = np.clip(np.rint(weight / scale[:, None]), -127, 127).astype(np.int8)
        quantization = Quantization(tuple(scale.tolist()), (0,) * len(scale), 0)
        self._constant(name, stored, quantization)
