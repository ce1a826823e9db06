"""The files of karpathy/llama2.c: a model and a tokenizer in one binary each.

Model, little endian: seven int32 (width, hidden, layers, heads, groups, tokens, context; tokens are
negative if the classifier is not the embedding), then float32 arrays, each of all layers:
embedding, attention norms, q, k, v, o, forward norms, gate, down, up, final norm, two arrays of
angles that are not needed, and the classifier, if it is one of its own.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from edge.errors import EdgeError, fail
from edge.frontends.llama.decoder import Block, Decoder, Floats, Shape, block_shapes

_HEADER = struct.Struct("<7i")
_ORDER = ("attention_norm", "q", "k", "v", "o", "forward_norm", "gate", "down", "up")
_MOST = 1 << 20


def is_llama2c(path: Path) -> bool:
    """Whether a file begins as such a model does."""
    if path.suffix != ".bin" or not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(_HEADER.size)
    return len(head) == _HEADER.size and _shape(head) is not None


def _shape(head: bytes) -> tuple[Shape, bool] | None:
    """The sizes, and whether the classifier is the embedding; None if they cannot be."""
    width, hidden, layers, heads, groups, tokens, context = _HEADER.unpack(head)
    sizes = (width, hidden, layers, heads, groups, abs(tokens), context)
    if not all(0 < n < _MOST for n in sizes) or width % heads or heads % groups:
        return None
    return Shape(width, hidden, layers, heads, groups, abs(tokens), context), tokens > 0


class _Arrays:
    """The float32 arrays behind the header, in order."""

    def __init__(self, path: Path) -> None:
        self._where, self._data, self._at = str(path), path.read_bytes()[_HEADER.size :], 0

    def take(self, *shape: int) -> Floats:
        size = 4 * int(np.prod(shape))
        taken = self._data[self._at : self._at + size]
        if len(taken) < size:
            raise _broken(self._where, "it ends in the middle of its weights")
        self._at += size
        array = np.frombuffer(taken, "<f4").reshape(shape).astype(np.float32)
        if not np.isfinite(array).all():
            raise _broken(self._where, "weights are infinite or not a number")
        return array

    def skip(self, count: int) -> None:
        self._at += 4 * count


def _broken(where: str, why: str) -> EdgeError:
    return fail("E0110", "this is no whole language model", where, notes=[why])


def load_llama2c(path: Path) -> Decoder:
    """The model in a file. Raises EdgeError E0110 if it is cut short or holds no numbers."""
    with path.open("rb") as file:
        found = _shape(file.read(_HEADER.size))
    if found is None:
        raise _broken(str(path), "its sizes do not fit together")
    shape, tied = found
    arrays, shapes = _Arrays(path), block_shapes(shape)
    embedding = arrays.take(shape.tokens, shape.width)
    stacks = {name: arrays.take(shape.layers, *shapes[name]) for name in _ORDER}
    norm = arrays.take(shape.width)
    arrays.skip(shape.context * shape.head)
    classifier = None if tied else arrays.take(shape.tokens, shape.width)
    blocks = tuple(Block(**{name: stacks[name][i] for name in _ORDER}) for i in range(shape.layers))
    return Decoder(path.stem, shape, embedding, blocks, norm, classifier)
