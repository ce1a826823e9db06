"""MCUNet-5FPS learns digits on the device's arithmetic: accuracy after one epoch.

scikit-learn's digits, 8x8 scaled to 128x128, 800 images one by one, 797 for the test; head of ten
classes. Compares update rules and the float32-master simulation on the same orders.

    python tests/bench/mcunet_digits.py [--scheme 49] [--orders 3] [--rules q8.8 master truncate]
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from edge.ir import Graph
from edge.ir.types import Array
from edge.training.autodiff import Step, differentiate
from edge.training.reference import Trainer
from edge.training.reference.step_call import StepCall
from edge.training.reference.updates import GRADIENTS, step_of
from edge.training.tape import Settings

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # found from any folder

from tests.training.master_simulation import MasterSimulation
from tests.training.mcunet10 import mcunet10, published_scheme

TRAIN, TEST_FROM = 800, 1000
Boundary = dict[str, Array]


@dataclass(frozen=True)
class Digits:
    """What training reads of each image, and its class."""

    train: list[tuple[Boundary, int]]
    test: list[tuple[Boundary, int]]


def images() -> tuple[Array, Array]:
    """int8[n, 1, 128, 128, 3] and classes, shuffled."""
    from sklearn.datasets import load_digits

    data = load_digits()
    order = torch.randperm(len(data.target), generator=torch.Generator().manual_seed(1))
    small = torch.tensor(data.images, dtype=torch.float32)[order, None] / 16
    large = F.interpolate(small, (128, 128), mode="bilinear", align_corners=False)
    stored = ((large * 2 - 1) * 127).round().to(torch.int8)
    return stored.permute(0, 2, 3, 1).repeat(1, 1, 1, 3)[:, None].numpy(), data.target[
        order.numpy()
    ]


def digits(step: Step, train: int = TRAIN, test: int | None = None) -> Digits:
    """The images with the frozen part of the network computed once."""
    pixels, classes = images()
    trainer = Trainer(step)

    def part(where: slice) -> list[tuple[Boundary, int]]:
        pairs = zip(pixels[where], classes[where], strict=True)
        return [(trainer.boundary([x]), int(label)) for x, label in pairs]

    end = None if test is None else TEST_FROM + test
    return Digits(part(slice(0, train)), part(slice(TEST_FROM, end)))


def truncated(call: StepCall) -> tuple[Array, ...]:
    """int8 -= float, as TinyEngine does it: toward zero."""
    high, low = call.input(3).astype(np.int64), call.input(4)
    exact = high - step_of(call, GRADIENTS[call.node.op](call)) / 256
    return np.clip(np.trunc(exact), -128, 127).astype(np.int8), low


TRUNCATING = dict.fromkeys((op for op in GRADIENTS if op.endswith("_weight")), truncated)


def learner(rule: str, graph: Graph, rate: float, kib: int) -> tuple[Callable, Callable]:
    """(step, class of a sample) of a fresh network under a rule."""
    scheme = published_scheme(graph, kib)
    gradients = "float32" if rule == "float32" else "int8"
    step = differentiate(graph, scheme, Settings(learning_rate=rate, gradients=gradients))
    if rule == "master":
        simulation = MasterSimulation(graph, step)
        return simulation.step, lambda x: int(simulation.scores(x).argmax())
    trainer = Trainer(step, TRUNCATING if rule == "truncate" else None)
    return (
        lambda x, label: trainer.step([], label, x),
        lambda x: int(trainer.predict([], x).argmax()),
    )


def accuracy(rule: str, data: Digits, order: int, rate: float = 3e-3, kib: int = 49) -> float:
    """After one epoch in this order."""
    train, predict = learner(rule, mcunet10(), rate, kib)
    for index in np.random.default_rng(order).permutation(len(data.train)):
        train(*data.train[index])
    return float(np.mean([predict(x) == label for x, label in data.test]))


def measure(rules: Sequence[str], orders: int, rate: float, kib: int) -> dict[str, list[float]]:
    graph = mcunet10()
    data = digits(differentiate(graph, published_scheme(graph, kib)))
    return {rule: [accuracy(rule, data, o, rate, kib) for o in range(orders)] for rule in rules}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scheme", type=int, default=49)
    parser.add_argument("--orders", type=int, default=3)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--rules", nargs="+", default=["q8.8", "master", "truncate"])
    args = parser.parse_args()
    found = measure(args.rules, args.orders, args.rate, args.scheme)
    means = {rule: round(float(np.mean(values)), 4) for rule, values in found.items()}
    print(json.dumps({"accuracy": found, "mean": means}, indent=1))


if __name__ == "__main__":
    main()
