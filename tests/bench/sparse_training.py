"""Trained networks of the sparsity study, kept in a folder: dense, and pruned from it.

    python -m tests.bench.sparse_training --network mobilenet --pattern 1x4 --sparsity 0.5 --seed 0

A dense network trains for 10 epochs of 60,000 images. From it every sparsity, 0 included, trains
for 2 more with the same settings: rearranged (unless asked not to), pruned along a cubic schedule
over the first 60 % of the steps, then fine-tuned. Layers with more pixels are sparser (unless asked
not to): the sparsity is that of the weights of all pruned layers together.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

import edge
from edge.sparsity.allocation.by_reuse import by_reuse
from edge.sparsity.layers import weighted_layers
from edge.sparsity.masked import attach, bake
from edge.sparsity.pattern_names import parse_pattern
from edge.sparsity.patterns import NM, Block
from edge.sparsity.rearrangement.module import rearrange_module
from edge.sparsity.schedules.cubic import Cubic
from edge.sparsity.schedules.schedule import Schedule
from edge.sparsity.training import Training, train

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # found from any folder

from tests.bench.fashion_mobilenet import SIZE, accuracy, crop_and_flip, data
from tests.bench.study_networks import NETWORKS

CACHE = Path("build/study")
DENSE_EPOCHS, FURTHER_EPOCHS = 10, 2
DENSE_RATE, FURTHER_RATE = 0.1, 0.05
EXPONENT = {0.3: 0.15, 0.5: 0.25, 0.7: 0.5}  # of by_reuse: what the speeds asked for take


@dataclass(frozen=True)
class Run:
    """One network of the study. A sparsity of 0 is the dense one with the same further epochs."""

    pattern: str
    sparsity: float
    seed: int
    rearranged: bool = True
    uniform: bool = False
    epochs: int = FURTHER_EPOCHS
    network: str = "mobilenet"

    @property
    def name(self) -> str:
        """The stem of its file."""
        if self.sparsity == 0:
            return f"{self.network}-{self.seed}-further-{self.epochs}"
        kind = self.pattern.replace(":", "of") + ("" if self.rearranged else "-plain")
        divided = "-uniform" if self.uniform else ""
        return f"{self.network}-{self.seed}-{kind}-{self.sparsity:g}{divided}-{self.epochs}"

    @property
    def dense_name(self) -> str:
        """The stem of the file of the network that it starts from."""
        return f"{self.network}-{self.seed}-dense"


def trained(run: Run, cache: Path = CACHE, progress: bool = True) -> nn.Module:
    """The trained network with zeros in its weights, in evaluation mode; from the cache if there.

    Its sparsity is that of the weights of all pruned layers, and with `uniform` of each of them.
    """
    return _cached(cache, run, run.name, lambda network: _prune(network, run, cache, progress))


def example() -> tuple[torch.Tensor]:
    """Example inputs of the network."""
    return (torch.zeros(1, 1, SIZE, SIZE),)


def sparsities(network: nn.Module, run: Run) -> dict[str, float]:
    """The sparsity of each layer that is pruned."""
    pruned = NETWORKS[run.network].pruned
    layers = {name: layer for name, layer in weighted_layers(network).items() if pruned(layer)}
    if run.uniform:
        return dict.fromkeys(layers, run.sparsity)
    graph = edge.load((network, example())).graph
    pixels = {
        node.inputs[1].removesuffix(".weight"): math.prod(graph.type(node.output).shape[1:3])
        for node in graph.nodes if node.op == "conv2d"
    }  # fmt: skip
    return by_reuse(
        {name: layer.weight.numel() for name, layer in layers.items()},
        {name: pixels[name] for name in layers},
        run.sparsity,
        EXPONENT.get(run.sparsity, 0.25),
    )


def _cached(cache: Path, run: Run, name: str, make: Callable[[nn.Module], None]) -> nn.Module:
    file, network = cache / f"{name}.pt", NETWORKS[run.network].make()
    if file.exists():
        network.load_state_dict(torch.load(file, weights_only=True))
        return network.eval()
    network.to(memory_format=torch.channels_last)  # 1.6 times as fast to train
    make(network)
    cache.mkdir(parents=True, exist_ok=True)
    staged = file.with_suffix(".partial")
    torch.save(bake(network).state_dict(), staged)
    os.replace(staged, file)
    return network.eval()


def _prune(network: nn.Module, run: Run, cache: Path, progress: bool) -> None:
    """Go on from the dense network of the seed."""
    dense = _cached(cache, run, run.dense_name, lambda new: _train_dense(new, run, cache, progress))
    network.load_state_dict(dense.state_dict())
    pattern = parse_pattern(run.pattern)
    wanted = sparsities(network.eval(), run)
    schedule = Schedule()
    if run.sparsity > 0:
        if run.rearranged and isinstance(pattern, Block | NM):
            rearrange_module(network, example(), pattern, wanted)
        attach(network, pattern, wanted)
        schedule = Cubic()
    _train(network, run.epochs, FURTHER_RATE, run.seed, run.name, cache, progress, schedule)


def _train_dense(network: nn.Module, run: Run, cache: Path, progress: bool) -> None:
    torch.manual_seed(run.seed)
    network.load_state_dict(NETWORKS[run.network].make().state_dict())
    _train(network, DENSE_EPOCHS, DENSE_RATE, run.seed, run.dense_name, cache, progress, Schedule())


def _train(
    network: nn.Module, epochs: int, rate: float, seed: int, name: str, cache: Path,
    progress: bool, schedule: Schedule,
) -> None:  # fmt: skip
    images = torch.from_numpy(data().train_images)
    labels = torch.from_numpy(data().train_labels)
    start, checkpoint = time.monotonic(), cache / f"{name}.checkpoint"

    def report(epoch: int, loss: float) -> None:
        if progress:
            seconds = time.monotonic() - start
            print(f"{name}: epoch {epoch}/{epochs}, loss {loss:.3f}, {seconds:.0f} s",
                  file=sys.stderr, flush=True)  # fmt: skip

    training = Training(
        epochs, rate=rate, augment=crop_and_flip, seed=seed, after_epoch=report, progress=progress
    )
    train(network, images, labels, training, schedule, checkpoint=checkpoint)
    checkpoint.unlink()


def main() -> None:
    """Train one network, if it is not there yet, and print its float accuracy."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--network", choices=sorted(NETWORKS), default="mobilenet")
    parser.add_argument("--pattern", default="1x4")
    parser.add_argument("--sparsity", type=float, default=0.5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--plain", action="store_true", help="Do not rearrange.")
    parser.add_argument("--uniform", action="store_true", help="The same sparsity for all layers.")
    parser.add_argument("--epochs", type=int, default=FURTHER_EPOCHS, help="After the dense ones.")
    parser.add_argument("--cache", type=Path, default=CACHE)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    run = Run(
        arguments.pattern, arguments.sparsity, arguments.seed, not arguments.plain,
        arguments.uniform, arguments.epochs, arguments.network,
    )  # fmt: skip
    network = trained(run, arguments.cache)
    print(json.dumps({**vars(arguments), "cache": str(arguments.cache),
                      "accuracy": accuracy(network)}))  # fmt: skip


if __name__ == "__main__":
    main()
