"""Channels of activations made alike before they get one scale, without changing the function.

A factor moves from the rows of one matrix, or from the weight of a norm, to the columns of the
next: between norms and what reads them by the square root of activations over weights
(SmoothQuant, Xiao et al. 2023, arXiv:2211.10438); from keys to queries likewise, pair by pair;
elsewhere so that all channels reach the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from edge.frontends.llama.decoder import Block, Decoder, Floats, Shape

_SMALL = 1e-5


def equalized(decoder: Decoder, reach: Mapping[str, Floats]) -> Decoder:
    """The same model; `reach` is the largest magnitude of each channel of activations by name."""
    blocks = tuple(
        _block(block, decoder.shape, {what: reach[f"layer{i}_{what}"] for what in _READ})
        for i, block in enumerate(decoder.blocks)
    )
    return replace(decoder, blocks=blocks)


_READ = ("attention_norm", "forward_norm", "q_turned", "k_turned", "v", "up")


def _block(block: Block, shape: Shape, reach: Mapping[str, Floats]) -> Block:
    block = _smoothed(block, "attention_norm", ("q", "k", "v"), reach["attention_norm"])
    block = _smoothed(block, "forward_norm", ("gate", "up"), reach["forward_norm"])
    queries = reach["q_turned"].reshape(shape.groups, -1, shape.head).max(axis=1).reshape(-1)
    k = _alike(np.sqrt(_pairs(reach["k_turned"]) / np.maximum(_pairs(queries), _SMALL)))
    v, up = _alike(reach["v"]), _alike(reach["up"])
    return replace(
        block,
        q=block.q * _each_head(k, shape)[:, None],
        k=block.k / k[:, None],
        v=block.v / v[:, None],
        o=block.o * _each_head(v, shape),
        up=block.up / up[:, None],
        down=block.down * up,
    )


def _smoothed(block: Block, norm: str, readers: tuple[str, ...], reach: Floats) -> Block:
    weights = np.max([np.abs(getattr(block, name)).max(axis=0) for name in readers], axis=0)
    factor = np.sqrt(np.maximum(reach, _SMALL) / np.maximum(weights, _SMALL))
    factor /= np.exp(np.log(factor).mean())
    moved = {name: getattr(block, name) * factor for name in readers}
    return replace(block, **{norm: getattr(block, norm) / factor}, **moved)


def _alike(reach: Floats) -> Floats:
    """Factors after which every channel reaches what they reach in the mean."""
    reach = np.maximum(reach, _SMALL)
    return np.asarray(reach / np.exp(np.log(reach).mean()), np.float32)


def _pairs(reach: Floats) -> Floats:
    """For both channels of a pair, which are turned into each other, what the pair reaches."""
    return np.repeat(np.maximum(reach[0::2], reach[1::2]), 2)


def _each_head(factor: Floats, shape: Shape) -> Floats:
    """Factors of keys or values for the heads that read them."""
    grouped = factor.reshape(shape.groups, 1, shape.head)
    return np.repeat(grouped, shape.heads // shape.groups, axis=1).reshape(-1)
