"""7-bit activations: who gets them, and that what they promise is kept and proven."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

import edge
from edge.errors import EdgeError
from edge.ir import Graph, Rounding, parse, to_text
from edge.planning.kernels_relaxed import reads_seven_bits
from edge.planning.relaxed_build import pays
from edge.quantization.affine import from_range
from edge.quantization.seven_bits import READERS, bits_of_activations, stored_range
from edge.reference import Session


class Net(nn.Module):
    """What a mobile network is made of: expansion, depthwise, projection, sum, table, pool."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(2, 8, 3, stride=2, padding=1)
        self.expand, self.project = nn.Conv2d(8, 16, 1), nn.Conv2d(16, 8, 1)
        self.depthwise = nn.Conv2d(16, 16, 3, padding=1, groups=16)
        self.head, self.classify = nn.Conv2d(8, 12, 1), nn.Linear(12, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        wide = nn.functional.relu6(self.expand(x))
        x = x + self.project(nn.functional.hardswish(self.depthwise(wide)))
        return self.classify(nn.functional.relu(self.head(x)).mean((2, 3)))


SAMPLES = np.random.default_rng(5).standard_normal((24, 2, 8, 8)).astype(np.float32)


@pytest.fixture(scope="module", params=[Rounding.SINGLE, Rounding.TFLITE])
def seven(request: pytest.FixtureRequest) -> Graph:
    torch.manual_seed(3)
    model = (Net().eval(), (torch.zeros(1, 2, 8, 8),))
    return edge.quantize(model, SAMPLES, activation_bits=7, rounding=request.param, progress=False)


def test_ranges_fill_the_upper_half() -> None:
    found = from_range(-1.0, 3.0, seven_bits=True)
    assert found.zero_point == (32,)
    assert found.scale[0] == pytest.approx(4 / 127)
    assert from_range(0.0, 6.0, seven_bits=True).zero_point == (0,)
    assert from_range(-2.0, 0.0, seven_bits=True).zero_point == (127,)


def test_what_weights_are_multiplied_with_is_proven_to_lie_in_0_to_127(seven: Graph) -> None:
    read = [node for node in seven.nodes if node.op in READERS]
    assert len(read) == 6
    assert [reads_seven_bits(seven, node) for node in read] == [False] + 5 * [True]
    assert bits_of_activations(seven) == 7


def test_inputs_and_outputs_keep_eight_bits(seven: Graph) -> None:
    assert stored_range(seven, seven.inputs[0]) == (-128, 127)
    assert stored_range(seven, seven.outputs[0]) == (-128, 127)


def test_no_input_leads_out_of_the_proven_ranges(seven: Graph) -> None:
    """Inputs far beyond the calibration data, so that every layer clamps."""
    seen: dict[str, tuple[int, int]] = {}

    def look(name: str, value: object) -> None:
        stored = np.asarray(value)
        low, high = seen.get(name, (127, -128))
        seen[name] = min(low, int(stored.min())), max(high, int(stored.max()))

    rng = np.random.default_rng(0)
    shape = seven.type(seven.inputs[0]).shape[1:]
    extreme = rng.choice(np.array([-128, 127], np.int8), (64, *shape))
    Session(seven).run_batch([extreme], observe=look)
    for name, (low, high) in seen.items():
        least, most = stored_range(seven, name)
        assert least <= low, name
        assert high <= most, name
    clamped = [n for n, (low, _) in seen.items() if low == 0 and stored_range(seven, n)[0] == 0]
    assert len(clamped) >= 4


def test_the_text_form_keeps_them(seven: Graph) -> None:
    again = parse(to_text(seven))
    assert to_text(again) == to_text(seven)
    assert bits_of_activations(again) == 7


def test_a_relaxed_build_pays_for_seven_bits_alone(seven: Graph) -> None:
    assert pays(seven)
    torch.manual_seed(3)
    module = Net().eval()
    eight = edge.quantize((module, (torch.zeros(1, 2, 8, 8),)), SAMPLES, progress=False)
    assert bits_of_activations(eight) == 8
    relu_at_zero = [n for n in eight.nodes if n.op in READERS and reads_seven_bits(eight, n)]
    assert not relu_at_zero
    assert not pays(eight)


def test_a_model_that_is_quantized_already_is_refused(seven: Graph) -> None:
    with pytest.raises(EdgeError, match=r"E0016[\s\S]*quantized already"):
        edge.quantize(replace(seven), SAMPLES, activation_bits=7, progress=False)


def test_other_numbers_of_bits_are_refused() -> None:
    model = (Net().eval(), (torch.zeros(1, 2, 8, 8),))
    with pytest.raises(EdgeError, match=r"E0031[\s\S]*5 bits"):
        edge.quantize(model, SAMPLES, activation_bits=5, progress=False)
