"""The decoder in float, token by token, and what its activations reach.

Many sequences go side by side. What a layer would store is shown to an observer under the names
that the int8 graph gives its values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from edge.frontends.llama.decoder import Block, Decoder, Floats, Shape

Observer = Callable[[str, Floats], None]
Ids = npt.NDArray[np.int64]


def ignore(name: str, values: Floats) -> None:
    """An observer that does not look."""


class FloatSteps:
    """Sequences that go on token by token; keys and values of the last `window` are kept."""

    def __init__(self, decoder: Decoder, sequences: int, window: int) -> None:
        self.decoder, self.window, self.position = decoder, window, 0
        shape = decoder.shape
        ring = (shape.layers, 2, sequences, shape.groups, window, shape.head)
        self.rings: Floats = np.zeros(ring, np.float32)

    def step(self, tokens: Ids, observe: Observer = ignore) -> Floats:
        """Logits [sequences, tokens] after one more token of each sequence."""
        d = self.decoder
        x = d.embedding[tokens]
        observe("embedded", x)
        for index, block in enumerate(d.blocks):
            x = self._layer(index, block, x, observe)
        x = normalized(x, d.norm, d.shape.epsilon)
        observe("final", x)
        logits = x @ (d.embedding if d.classifier is None else d.classifier).T
        observe("logits", logits)
        self.position += 1
        return np.asarray(logits, np.float32)

    def _layer(self, index: int, block: Block, x: Floats, observe: Observer) -> Floats:
        def seen(what: str, values: Floats) -> Floats:
            observe(f"layer{index}_{what}", values)
            return values

        shape = self.decoder.shape
        h = seen("attention_norm", normalized(x, block.attention_norm, shape.epsilon))
        q, k = (turned(seen(n, h @ w.T), shape, self.position)
                for n, w in (("q", block.q), ("k", block.k)))  # fmt: skip
        seen("q_turned", q)
        seen("k_turned", k)
        mixed = seen("attention", self._attend(index, q, k, seen("v", h @ block.v.T)))
        x = seen("attended", x + seen("o", mixed @ block.o.T))
        h = seen("forward_norm", normalized(x, block.forward_norm, shape.epsilon))
        gate = seen("gate", h @ block.gate.T)
        silu = seen("silu", gate / (1 + np.exp(-gate)))
        product = seen("product", silu * seen("up", h @ block.up.T))
        return seen("stream", x + seen("down", product @ block.down.T))

    def _attend(self, index: int, q: Floats, k: Floats, v: Floats) -> Floats:
        shape, ring = self.decoder.shape, self.rings[index]
        for kept, made in zip(ring, (k, v), strict=True):
            kept[:, :, self.position % self.window] = made.reshape(len(q), shape.groups, shape.head)
        rows = min(self.position + 1, self.window)
        heads = q.reshape(len(q), shape.groups, -1, shape.head)
        keys, values = ring[0, :, :, :rows], ring[1, :, :, :rows]
        scores = heads @ keys.swapaxes(-1, -2) / np.float32(np.sqrt(shape.head))
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
        mixed = (weights / weights.sum(axis=-1, keepdims=True)) @ values
        return np.asarray(mixed.reshape(len(q), -1), np.float32)


def normalized(x: Floats, weight: Floats, epsilon: float) -> Floats:
    """Root mean square normalization."""
    mean = (x * x).mean(axis=-1, keepdims=True)
    return np.asarray(x / np.sqrt(mean + epsilon) * weight, np.float32)


def turned(x: Floats, shape: Shape, position: int) -> Floats:
    """Each pair of neighbours of a head turned by its angle."""
    angles = position * shape.base ** (-np.arange(0, shape.head, 2) / shape.head)
    c, s = np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)
    pairs = x.reshape(len(x), -1, shape.head // 2, 2)
    even, odd = pairs[..., 0], pairs[..., 1]
    both = np.stack([even * c - odd * s, even * s + odd * c], axis=-1)
    return np.asarray(both.reshape(x.shape), np.float32)


def drawn(decoder: Decoder, sequences: int, length: int, seed: int = 0) -> Ids:
    """Token ids [sequences, length] that the model itself writes, each drawn as it is likely."""
    rng = np.random.default_rng(seed)
    steps = FloatSteps(decoder, sequences, length)
    ids = [np.full(sequences, decoder.shape.first, np.int64)]
    for _ in range(length - 1):
        logits = steps.step(ids[-1]).astype(np.float64)
        # The largest of logits plus Gumbel noise is distributed as softmax says.
        ids.append((logits + rng.gumbel(size=logits.shape)).argmax(axis=-1))
    return np.stack(ids, axis=1)


def each_step(
    decoder: Decoder, ids: Ids, window: int, observe: Observer = ignore
) -> Iterator[Floats]:
    """Logits [sequences, tokens] after each column of `ids`."""
    steps = FloatSteps(decoder, len(ids), window)
    for column in ids.T:
        yield steps.step(column, observe)


def mean_nll(logits: Floats, wanted: Ids) -> float:
    """Mean negative log likelihood of tokens, in nats; logits [..., tokens]."""
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    total = np.log(np.exp(shifted).sum(axis=-1))
    chosen = np.take_along_axis(shifted, wanted[..., None], axis=-1)[..., 0]
    return float((total - chosen).mean())
