"""The network that learns continually, and the five tasks that it learns.

It leaves the factory trained on the 1,797 digits of scikit-learn, enlarged to 28 x 28, dense or
with zeros in blocks of 1x4, and then meets Fashion-MNIST, two classes at a time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from apps.fashion.data import fashion_mnist
from edge.ir import Graph
from edge.sparsity.layers import weighted_layers
from edge.workflow.export import compile_model
from edge.workflow.prune import prune
from edge.workflow.train import stored_inputs

CLASSES, TASKS = 10, 5
TRAIN, VALID = 300, 200
"""Images of a task to train on, and to choose settings by."""

_EPOCHS = 24
Images = npt.NDArray[np.float32]
Stored = npt.NDArray[np.int8]
Labels = npt.NDArray[np.int64]


def network() -> nn.Sequential:
    """About 1.1 M MAC: four convolutions, a mean over positions, a classifier."""

    def layer(inputs: int, outputs: int, stride: int) -> nn.Sequential:
        return nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
        )

    return nn.Sequential(
        layer(1, 8, 2), layer(8, 32, 2), layer(32, 64, 2), layer(64, 64, 1),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, CLASSES),
    )  # fmt: skip


def _digits() -> tuple[torch.Tensor, torch.Tensor]:
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = np.kron(bunch.images / 16, np.ones((3, 3)))
    padded = np.pad(images, ((0, 0), (2, 2), (2, 2)))[:, None].astype(np.float32)
    return torch.from_numpy(padded), torch.from_numpy(bunch.target)


def _allocated(layers: list[str], sparsity: float) -> dict[str, float]:
    """The first of them has a ninth of the work and few weights: it is half as sparse."""
    first, *others = layers
    return {first: sparsity / 2, **dict.fromkeys(others, sparsity)} if sparsity else {}


def factory(sparsity: float, seed: int) -> Graph:
    """The int8 graph of the network as it leaves the factory; both ends of it are dense."""
    torch.manual_seed(seed)
    example = (torch.zeros(1, 1, 28, 28),)
    module = network()
    layers = list(weighted_layers(module))[1:-1]
    pruned = prune(
        (module, example), "1x4", _allocated(layers, sparsity), _digits(), epochs=_EPOCHS,
        rearranged=False, seed=seed, progress=False,
    )  # fmt: skip
    calibration = [(image[None],) for image in tasks(seed)[0].x[:64]]
    model = (pruned.module.eval(), example)
    return compile_model(model, "host", calibration, name="continual", progress=False).graph


@dataclass(frozen=True, eq=False)
class Task:
    """Images [N, 1, 28, 28] and labels of two classes: to train on, to choose by, to test."""

    x: Images
    y: Labels
    valid_x: Images
    valid_y: Labels
    test_x: Images
    test_y: Labels


def tasks(seed: int, count: int = TRAIN) -> list[Task]:
    """Classes 0 and 1, 2 and 3, and so on; `count` images of a task to train on, in random order.

    Images to choose settings by are training images that come after those.
    """
    data, rng, found = fashion_mnist(), np.random.default_rng(seed), []
    for task in range(TASKS):
        inside, test = (labels // 2 == task for labels in (data.train_labels, data.test_labels))
        order = rng.permutation(np.nonzero(inside)[0])
        train, valid = order[:count], order[-VALID:]
        parts = [(data.train_images[i], data.train_labels[i]) for i in (train, valid)]
        parts.append((data.test_images[test], data.test_labels[test]))
        found.append(Task(*(array for part in parts for array in part)))
    return found


def stored(graph: Graph, images: Images) -> Stored:
    """Images as the graph takes them: int8 [N, 28, 28, 1]."""
    return np.concatenate(stored_inputs(graph, images.transpose(0, 2, 3, 1)))
