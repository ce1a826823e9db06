"""What each schedule, criterion and allocation claims, tried on Fashion-MNIST with a small network.

    python tests/bench/sparse_schedules.py [--seeds 0 1 2] [--only NAME ...] [--csv FILE] [--json]

Images are averaged to 16 x 16, 20,000 of them train a 256-128-128-10 network for 8 epochs, and 8
more where it is pruned afterwards; both hidden weights are pruned, so far that it costs accuracy.
A row compares two ways on the same seeds: its claim holds if the first is the better one in the
mean. Rows that do not hold are shown as they are.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from edge.cli.tables import print_table
from edge.sparsity.allocation.erk import erk
from edge.sparsity.layers import weighted_layers
from edge.sparsity.masked import attach
from edge.sparsity.pattern_names import parse_pattern
from edge.sparsity.rearrangement.module import rearrange_module
from edge.sparsity.schedules.bdwp import Bdwp
from edge.sparsity.schedules.cubic import Cubic
from edge.sparsity.schedules.gradient_flow import GradientFlow
from edge.sparsity.schedules.mask_sparsity import MaskSparsity
from edge.sparsity.schedules.one_shot import OneShot
from edge.sparsity.schedules.regrowth import Regrowth
from edge.sparsity.schedules.rewinding import Rewinding
from edge.sparsity.schedules.schedule import Schedule
from edge.sparsity.schedules.sr_ste import SrSte
from edge.sparsity.soups import soup
from edge.sparsity.training import Training, train
from edge.sparsity.widening import widened

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # found from any folder

from tests.bench.fashion_mobilenet import data

TRAIN, HIDDEN, PIXELS = 20_000, 128, 256
TRAINING = Training(8, rate=0.1, progress=False)
EXCHANGE = 100  # steps between two exchanges of weights, as in RigL's paper
LONG = 100  # steps between exchanges of weights, as RigL has it

Way = Callable[[int], nn.Module]


def _pooled(images: np.ndarray) -> torch.Tensor:
    framed = nn.functional.pad(torch.from_numpy(images), (2, 2, 2, 2), value=float(images.min()))
    return nn.functional.avg_pool2d(framed, 2).flatten(1)


def _network(seed: int, hidden: int = HIDDEN) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Linear(PIXELS, hidden), nn.BatchNorm1d(hidden), nn.ReLU(),
        nn.Linear(hidden, hidden), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Linear(hidden, 10),
    )  # fmt: skip


def _train(network: nn.Module, seed: int, training: Training, schedule: Schedule) -> nn.Module:
    x, y = _pooled(data().train_images[:TRAIN]), torch.from_numpy(data().train_labels[:TRAIN])
    return train(network, x, y, replace(training, seed=seed), schedule)


def _dense(seed: int) -> nn.Module:
    return _train(_network(seed), seed, TRAINING, Schedule())


def _from_scratch(
    pattern: str, sparsity: float, schedule: Schedule, dense_gradient: bool = False,
    hidden: int = HIDDEN,
) -> Way:  # fmt: skip
    def make(seed: int) -> nn.Module:
        network = _network(seed, hidden)
        attach(network, parse_pattern(pattern), {"0": sparsity, "3": sparsity}, dense_gradient)
        return _train(network, seed, TRAINING, schedule)

    return make


def _from_dense(
    pattern: str, sparsity: float, schedule: Schedule, rearranged: bool = False, rounds: int = 1
) -> Way:
    """Train, then prune with a schedule and train as long again, `rounds` times as long in all."""

    def make(seed: int) -> nn.Module:
        network = _dense(seed)
        wanted = {"0": sparsity, "3": sparsity}
        if rearranged:
            rearrange_module(network, (torch.zeros(1, PIXELS),), parse_pattern(pattern), wanted)
        attach(network, parse_pattern(pattern), wanted)
        _loss_gradients(network)
        return _train(network, seed, replace(TRAINING, epochs=rounds * TRAINING.epochs), schedule)

    return make


def _loss_gradients(network: nn.Module) -> None:
    """Gradients of the loss over 1,000 training images, for criteria that need them."""
    x, y = _pooled(data().train_images[:1000]), torch.from_numpy(data().train_labels[:1000])
    nn.functional.cross_entropy(network(x), y).backward()


def _regularized_first(pattern: str, sparsity: float, schedule: Schedule) -> Way:
    """Train densely, train on with a schedule that prepares the cut, cut, and train once more."""

    def make(seed: int) -> nn.Module:
        network = _dense(seed)
        attach(network, parse_pattern(pattern), {"0": sparsity, "3": sparsity})
        _train(network, seed, TRAINING, schedule)
        return _train(network, seed, TRAINING, OneShot())

    return make


def _random_erk(sparsity: float) -> Way:
    def make(seed: int) -> nn.Module:
        network = _network(seed)
        layers = {n: lay for n, lay in weighted_layers(network).items() if n != "6"}
        wanted = erk({n: lay.shape for n, lay in layers.items()}, {}, sparsity)
        attach(network, parse_pattern("unstructured"), wanted)
        return _train(network, seed, TRAINING, OneShot("random", seed))

    return make


def _soup(pattern: str, sparsity: float, members: int) -> Way:
    """The mean of networks retrained from one pruned network; one member is no soup."""

    def make(seed: int) -> nn.Module:
        network = _dense(seed)
        attach(network, parse_pattern(pattern), {"0": sparsity, "3": sparsity})
        OneShot().begin(network, 1)
        start = {name: value.clone() for name, value in network.state_dict().items()}
        retrained = []
        for index in range(members):
            member = _network(seed)
            attach(member, parse_pattern(pattern), {"0": sparsity, "3": sparsity})
            member.load_state_dict(start)
            retrained.append(_train(member, 100 * seed + index, TRAINING, Schedule()))
        return soup(retrained)

    return make


@dataclass(frozen=True)
class Claim:
    """Two ways of which the first should be the better, or no worse by more than `margin`."""

    name: str
    source: str
    first: Way
    second: Way
    margin: float = 0.0


_RANDOM = OneShot("random")
CLAIMS = (
    Claim("gradual over one shot, 1x4 95 %", "arXiv:1710.01878",
          _from_dense("1x4", 0.95, Cubic(every=10)), _from_dense("1x4", 0.95, OneShot())),
    Claim("rewinding in 3 rounds, each trained in full, over one shot, 98 %", "arXiv:2003.02389",
          _from_dense("unstructured", 0.98, Rewinding(3), rounds=4),
          _from_dense("unstructured", 0.98, OneShot())),
    Claim("magnitude over random, 1x4 95 %", "arXiv:1506.02626",
          _from_dense("1x4", 0.95, OneShot()), _from_dense("1x4", 0.95, _RANDOM)),
    Claim("Taylor over random, 1x4 95 %", "arXiv:1906.10771",
          _from_dense("1x4", 0.95, OneShot("taylor")), _from_dense("1x4", 0.95, _RANDOM)),
    Claim("SET over a fixed random mask, 98 %", "arXiv:1707.04780",
          _from_scratch("unstructured", 0.98, Regrowth("random", every=EXCHANGE)),
          _from_scratch("unstructured", 0.98, _RANDOM)),
    Claim("RigL over SET, 98 %", "arXiv:1911.11134",
          _from_scratch("unstructured", 0.98, Regrowth("gradient", every=EXCHANGE), True),
          _from_scratch("unstructured", 0.98, Regrowth("random", every=EXCHANGE))),
    Claim("ERK over equal sparsities, random 98 %", "arXiv:2202.02643",
          _random_erk(0.98), _from_scratch("unstructured", 0.98, _RANDOM)),
    Claim("SR-STE over plain straight-through, 1:16", "arXiv:2102.04010",
          _from_scratch("1:16", 0.9375, SrSte(), True),
          _from_scratch("1:16", 0.9375, SrSte(decay=0.0), True)),
    Claim("gradient flow over SR-STE, 1:16", "arXiv:2402.04744",
          _from_scratch("1:16", 0.9375, GradientFlow()),
          _from_scratch("1:16", 0.9375, SrSte(), True)),
    Claim("BDWP within half a point of SR-STE, 2:4", "arXiv:2309.13015",
          _from_scratch("2:4", 0.5, Bdwp(), True), _from_scratch("2:4", 0.5, SrSte(), True),
          0.005),
    Claim("a soup of three over one, 1x4 95 %", "arXiv:2306.16788",
          _soup("1x4", 0.95, 3), _soup("1x4", 0.95, 1)),
    Claim("wide at 75 % over dense, equal work", "arXiv:2303.11525",
          _from_scratch("unstructured", 0.75, Cubic(every=10), hidden=widened(HIDDEN, 0.75)),
          _dense),
    Claim("MaskSparsity over training on without it, 1x4 95 %", "arXiv:2201.06776",
          _regularized_first("1x4", 0.95, MaskSparsity()),
          _regularized_first("1x4", 0.95, Schedule())),
    Claim("rearranged over plain, 1x4 80 %", "arXiv:2310.19509",
          _from_dense("1x4", 0.8, Cubic(every=10), True),
          _from_dense("1x4", 0.8, Cubic(every=10))),
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """Test accuracies of both ways, in the mean over the seeds, and whether the claim holds."""

    claim: str
    source: str
    first: float
    second: float
    difference_std: float
    holds: bool


def accuracy(network: nn.Module) -> float:
    """Share of the 10,000 test images that are right."""
    with torch.no_grad():
        predicted = network.eval()(_pooled(data().test_images)).argmax(1).numpy()
    return float(np.mean(predicted == data().test_labels))


def tried(claim: Claim, seeds: Sequence[int]) -> Row:
    """Both ways with every seed."""
    pairs = np.array([
        (accuracy(claim.first(seed)), accuracy(claim.second(seed))) for seed in seeds
    ])  # fmt: skip
    first, second = pairs.mean(axis=0)
    spread = float(np.std(pairs[:, 0] - pairs[:, 1], ddof=1)) if len(seeds) > 1 else 0.0
    holds = bool(first + claim.margin >= second)
    row = Row(
        claim.name,
        claim.source,
        round(float(first), 4),
        round(float(second), 4),
        round(spread, 4),
        holds,
    )
    print(row, file=sys.stderr, flush=True)
    return row


def main() -> None:
    """Print a row for each claim."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument(
        "--only", nargs="*", default=[], help="Claims that hold one of these texts."
    )
    parser.add_argument("--csv", type=Path)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    wanted = [c for c in CLAIMS if not arguments.only or any(o in c.name for o in arguments.only)]
    rows = [tried(claim, arguments.seeds) for claim in wanted]
    if arguments.csv:
        with arguments.csv.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(asdict(rows[0])), lineterminator="\n")
            writer.writeheader()
            writer.writerows(asdict(row) for row in rows)
    if arguments.json:
        print(json.dumps({"rows": [asdict(row) for row in rows]}))
        return
    print_table(
        ("claim", "source", "first", "second", "std of the difference", "holds"),
        [(r.claim, r.source, r.first, r.second, r.difference_std, r.holds) for r in rows],
    )


if __name__ == "__main__":
    main()
