"""Outputs planned over their own inputs stay right where the pixels do not fill the last group.

A 1x1 convolution that makes more channels than it reads writes faster than it reads, so its output
may start only a little below its input. Kernels take several pixels at once and the last ones one
by one.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import edge
from edge.ir import Graph
from tests.emulators.installed import need
from tests.models.int8_nets import Net

TARGETS = ("cortex-m0plus", "cortex-m7", "cortex-m55", "aarch64", "aarch64-dotprod", "wasm32")
CHANNELS = ((6, 12), (8, 16), (5, 9))


def widening(pixels: int, channels: int, made: int) -> Graph:
    """One row of `pixels` that a 1x1 convolution widens from `channels` to `made`."""
    net = Net(1, 1, pixels, channels)
    net.conv(channels, kernel=1)
    net.conv(made, kernel=1)
    net.add("requantize", scale=0.3)
    return net.graph()


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("pixels", [6, 7])
def test_a_widening_convolution_does_not_overwrite_pixels_it_has_yet_to_read(
    tmp_path: Path, target: str, pixels: int
) -> None:
    need(target, "zig")
    for channels, made in CHANNELS:
        out = tmp_path / f"{channels}-{made}"
        edge.export(widening(pixels, channels, made), target, out, progress=False)
        assert edge.verify(out).mismatches == 0, (channels, made)
