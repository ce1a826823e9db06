"""A decoder of the Llama type in float32, whatever file it came from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Shape:
    """Sizes: of the stream, the feed-forward layer, heads of queries and of keys, and so on."""

    width: int
    hidden: int
    layers: int
    heads: int
    groups: int
    tokens: int
    context: int
    base: float = 10000.0
    epsilon: float = 1e-5
    first: int = 1

    @property
    def head(self) -> int:
        """Channels of a head."""
        return self.width // self.heads

    @property
    def narrow(self) -> int:
        """Channels of all keys, or values."""
        return self.head * self.groups


@dataclass(frozen=True, eq=False)
class Block:
    """One layer; matrices are [out, in]. Rows of q and k turn in pairs of neighbours."""

    attention_norm: Floats
    q: Floats
    k: Floats
    v: Floats
    o: Floats
    forward_norm: Floats
    gate: Floats
    up: Floats
    down: Floats


MATRICES = ("q", "k", "v", "o", "gate", "up", "down")


def block_shapes(shape: Shape) -> dict[str, tuple[int, ...]]:
    """The shape of each array of a block."""
    width, hidden, narrow = shape.width, shape.hidden, shape.narrow
    return {
        "attention_norm": (width,),
        "q": (width, width),
        "k": (narrow, width),
        "v": (narrow, width),
        "o": (width, width),
        "forward_norm": (width,),
        "gate": (hidden, width),
        "up": (hidden, width),
        "down": (width, hidden),
    }


@dataclass(frozen=True, eq=False)
class Decoder:
    """`embedding` [tokens, width]; `classifier` is None where it is the embedding too."""

    name: str
    shape: Shape
    embedding: Floats
    blocks: tuple[Block, ...]
    norm: Floats
    classifier: Floats | None = None
