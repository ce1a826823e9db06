"""A depthwise window that is the whole input, on Armv7E-M: equal to numpy, on both compilers."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from edge.ir import Graph, Rounding
from edge.planning.dsp_single import is_one_window
from tests.emulators.dsp_firmware import Case, run_cases
from tests.emulators.dsp_graphs import Spec, random_input, random_weights, weighted
from tests.emulators.installed import need

KERNEL = "dsp/depthwise_single_s8"


def layer(
    window: tuple[int, int], channels: int, spec: Spec, rng: np.random.Generator, image: int = 0
) -> Graph:
    """A depthwise convolution of an image as large as the window, or `image` rows larger."""
    height, width = window
    weight = random_weights((1, *window, channels), rng)
    attrs = {"stride": (1, 1), "padding": (0, 0, 0, 0)}
    shape = (1, height + image, width, channels)
    return weighted("depthwise_conv2d", shape, weight, spec, rng, attrs)


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Odd and even numbers of taps in rows and columns; one scale and one a channel; clamping."""
    windows = [(1, 1), (1, 2), (1, 9), (5, 1), (3, 3), (2, 4)]
    for window, channels, per_channel in product(windows, (4, 12), (True, False)):
        for activation, spread in (("none", 4.0), ("relu6", 1.0)):
            spec = Spec(Rounding.SINGLE, per_channel, activation, spread)
            graph = layer(window, channels, spec, rng)
            name = f"{window} {channels} {per_channel} {activation}"
            yield Case(name, graph, KERNEL, (random_input(graph, rng),))


@pytest.mark.parametrize("compiler", ["zig", "gcc"])
@pytest.mark.parametrize("target", ["cortex-m4", "cortex-m7"])
def test_every_window_equals_the_reference(target: str, compiler: str, tmp_path: Path) -> None:
    need(target, compiler)
    made = list(cases(np.random.default_rng(0)))
    assert all(is_one_window(case.graph, case.graph.nodes[0]) for case in made)
    assert run_cases(made, target, compiler, tmp_path).failed == []


def test_other_layers_are_left_to_other_kernels() -> None:
    rng = np.random.default_rng(1)
    single, twice = Spec(Rounding.SINGLE), Spec(Rounding.TFLITE)
    for graph in (
        layer((1, 9), 6, single, rng),
        layer((3, 3), 8, twice, rng),
        layer((3, 3), 8, single, rng, image=2),
    ):
        assert not is_one_window(graph, graph.nodes[0])
