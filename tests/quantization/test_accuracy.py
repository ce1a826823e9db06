"""Accuracy of a trained network before and after quantization, on data that neither has seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from edge.ir import Graph
from edge.passes.pipeline import INTEGER_PASSES, run_passes
from edge.quantization.observers import OBSERVERS
from edge.quantization.ptq import quantize
from edge.quantization.sqnr import compare

pytestmark = pytest.mark.slow
torch = pytest.importorskip("torch", reason="pip install edge-nn[torch]")
datasets = pytest.importorskip("sklearn.datasets", reason="pip install scikit-learn")


@dataclass(frozen=True)
class Digits:
    """A network trained on 8x8 images of digits, and the data; images are NCHW."""

    graph: Graph
    calibration: np.ndarray
    images: np.ndarray
    labels: np.ndarray


def network():
    nn = torch.nn
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(),
        nn.Conv2d(16, 16, 3, padding=1, groups=16, bias=False), nn.BatchNorm2d(16), nn.ReLU6(),
        nn.Conv2d(16, 32, 1), nn.Hardswish(), nn.MaxPool2d(2),
        nn.Conv2d(32, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10),
    )  # fmt: skip


def train(model, images, labels, epochs: int = 6) -> None:
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for _ in range(epochs):
        for rows in torch.randperm(len(images)).split(64):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(images[rows]), labels[rows]).backward()
            optimizer.step()


@pytest.fixture(scope="module")
def digits() -> Digits:
    from edge.frontends.torch_export import load_torch

    torch.manual_seed(0)
    torch.set_num_threads(1)
    images, labels = datasets.load_digits(return_X_y=True)
    images = (images / 16 - 0.3).astype(np.float32).reshape(-1, 1, 8, 8)
    order = np.random.default_rng(0).permutation(len(images))
    seen, unseen = order[:1000], order[1000:1500]
    model = network()
    train(model, torch.from_numpy(images[seen]), torch.from_numpy(labels[seen]))
    program = torch.export.export(model.eval(), (torch.zeros(1, 1, 8, 8),))
    graph = load_torch(program, "digits")
    return Digits(graph, images[seen[:128]], images[unseen], labels[unseen])


@pytest.mark.parametrize("observer", OBSERVERS)
def test_int8_accuracy_is_within_half_a_point_of_float(digits, observer):
    quantized = quantize(digits.graph, digits.calibration, observer=observer)
    legal = run_passes(quantized, INTEGER_PASSES, check=True)
    report = compare(digits.graph, legal, digits.images, digits.labels)
    assert report.float_accuracy > 0.95
    assert report.int8_accuracy >= report.float_accuracy - 0.005
    assert report.agreement > 0.985
    assert report.output_sqnr_db > (15 if observer == "moving_average" else 25)
