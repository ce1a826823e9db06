"""Trained networks in files: float parameters of the bench, and the int8 graph that is shipped."""

from __future__ import annotations

import lzma
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from apps.mcu.keyword.network import KeywordNetwork
from edge.errors import fail
from edge.ir import Graph, Quantization, parse, to_text

SHIPPED = Path(__file__).with_name("trained.ir.xz")
"""Seed 0 of the bench as int8: `python tests/bench/keyword_spotting.py --seeds 0 --ship`."""

_DIGITS = 6


def save(network: KeywordNetwork, path: Path) -> None:
    """Write the parameters of a trained network, one array each, named as in torch."""
    np.savez(path, **{name: value.numpy() for name, value in network.state_dict().items()})


def load(path: Path) -> KeywordNetwork:
    """The network whose parameters `save` wrote."""
    with np.load(path, allow_pickle=False) as file:
        state = {name: torch.from_numpy(file[name]) for name in file.files}
    network = KeywordNetwork()
    network.load_state_dict(state)
    return network.eval()


def with_short_scales(graph: Graph) -> Graph:
    """The graph with six digits of every scale, which halves its text."""
    values = {
        name: replace(value, type=replace(value.type, quantization=_short(found)))
        if (found := value.type.quantization)
        else value
        for name, value in graph.values.items()
    }
    return replace(graph, values=values)


def _short(quantization: Quantization) -> Quantization:
    scales = tuple(float(f"{scale:.{_DIGITS}g}") for scale in quantization.scale)
    return replace(quantization, scale=scales)


def save_int8(graph: Graph, path: Path) -> None:
    """Write an int8 graph as compressed text, without the places in the model that it came from."""
    nodes = tuple(replace(node, where="") for node in graph.nodes)
    path.write_bytes(lzma.compress(to_text(replace(graph, nodes=nodes)).encode(), preset=9))


def load_int8(path: Path = SHIPPED) -> Graph:
    """The int8 graph in a file. Raises EdgeError E0030 if it cannot be read."""
    try:
        return parse(lzma.decompress(path.read_bytes()).decode())
    except (OSError, lzma.LZMAError, UnicodeDecodeError) as error:
        raise fail(
            "E0030", f"cannot read {path}", notes=[str(error)],
            help=["python tests/bench/keyword_spotting.py --seeds 0 --ship"],
        ) from error  # fmt: skip
