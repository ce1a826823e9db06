"""A small random language model, and the files that it may come in."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from edge.frontends.llama.decoder import Block, Decoder, Floats, Shape, block_shapes

SHAPE = Shape(width=16, hidden=24, layers=2, heads=4, groups=2, tokens=32, context=64)
TEXT = "the cat sat on the mat and the dog sat on the cat"


def small_llama(shape: Shape = SHAPE, seed: int = 0, tied: bool = True) -> Decoder:
    """Weights large enough for attention and choices to differ from token to token."""
    rng = np.random.default_rng(seed)

    def drawn(*size: int) -> Floats:
        return rng.normal(0, 1.5 / np.sqrt(size[-1]), size).astype(np.float32)

    def block() -> Block:
        arrays = {name: drawn(*size) for name, size in block_shapes(shape).items()}
        norms = {n: 1 + 0.1 * drawn(shape.width) for n in ("attention_norm", "forward_norm")}
        return Block(**{**arrays, **norms})

    table = 2 * drawn(shape.tokens, shape.width)
    blocks = tuple(block() for _ in range(shape.layers))
    norm = 1 + 0.1 * drawn(shape.width)
    return Decoder("small", shape, table, blocks, norm, None if tied else drawn(*table.shape))


def write_llama2c(decoder: Decoder, path: Path) -> Path:
    """The file that karpathy/llama2.c would read."""
    s = decoder.shape
    tokens = s.tokens if decoder.classifier is None else -s.tokens
    sizes = (s.width, s.hidden, s.layers, s.heads, s.groups, tokens, s.context)
    order = ("attention_norm", "q", "k", "v", "o", "forward_norm", "gate", "down", "up")
    arrays = [decoder.embedding]
    arrays += [np.stack([getattr(block, name) for block in decoder.blocks]) for name in order]
    arrays += [decoder.norm, np.zeros(s.context * s.head, np.float32)]
    arrays += [] if decoder.classifier is None else [decoder.classifier]
    path.write_bytes(struct.pack("<7i", *sizes) + b"".join(a.tobytes() for a in arrays))
    return path


def write_tokenizer(path: Path) -> Path:
    """Of 32 tokens: three marks, letters, and some that are merged."""
    letters = [bytes([c]) for c in b" abcdeghmnost"]
    merged = [b"th", b"the", b" the", b"at", b"cat", b" cat", b"on", b" on", b"an", b"and"]
    pieces = [b"<unk>", b"\n<s>\n", b"\n</s>\n", *letters, *merged]
    pieces += [b"#%d" % i for i in range(32 - len(pieces))]
    packed = (struct.pack("<fi", i, len(piece)) + piece for i, piece in enumerate(pieces))
    path.write_bytes(struct.pack("<i", max(map(len, pieces))) + b"".join(packed))
    return path
