"""SparCL on the device: five tasks of Fashion-MNIST one after another, sparse beside dense.

    python tests/bench/continual_learning.py [--seeds 0 1 2] [--boards] [--json]

All variants learn in the exported C, batch 1, with the same replay memory; accuracy is that on the
test images of all five tasks after the last one, the class among all ten. Work is multiply-
accumulates of everything that is trained and replayed, and of finding new masks; a step on an easy
sample is its forward pass. Method: Wang et al., SparCL (NeurIPS 2022); here masks are blocks of
four weights, gradients are masked by output channel, samples are also left out where a step finds
them easy, and each task ends with steps on kept samples alone, at a lower rate. Settings were
chosen on training images (`--choose`) with other seeds.
"""

from __future__ import annotations

import argparse
import functools
import json
import sys
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # found from any folder

from edge.ir import Graph, macs
from edge.target import load_target
from edge.training import scheme
from edge.training.autodiff import Step, differentiate
from edge.training.continual.masks import block_gradients, exchanged
from edge.training.continual.removal import Removal
from edge.training.emit import emit_step
from edge.training.plan_file import static_ram, work_of
from edge.training.planning import plan_step
from edge.training.tape import Settings
from edge.workflow.host_learner import HostLearner
from edge.workflow.project import open_project, write_project
from edge.workflow.train import TrainingBench
from tests.bench.continual_network import Task, factory, stored, tasks

EPOCHS, KEPT = 2, 100
TARGET = "cortex-m7"
_SCORED = 8
"""Samples of a task, and kept ones, whose gradients choose the masks."""


@dataclass(frozen=True)
class Variant:
    """sparsity: of weights behind the first layer. exchange: share of the live blocks that gives
    way at the start of a task. gradient: share of channels whose gradient counts. removal: share of
    the samples of a task that goes after each epoch. replays: kept samples after each new one.
    easy, headroom: those of `Settings`. cooled: shares of a task's steps after which the rate is
    halved. consolidation: steps on kept samples alone at the end of a task, half of them with the
    rate halved once more."""

    name: str
    sparsity: float = 0.0
    exchange: float = 0.0
    gradient: float = 1.0
    removal: float = 0.0
    rate: float = 3e-3
    replays: int = 1
    easy: float = 0.0
    headroom: float = 1.0
    cooled: tuple[float, ...] = ()
    consolidation: int = 0

    def step(self, graph: Graph) -> Step:
        how = Settings(
            learning_rate=self.rate, masks="dynamic" if self.sparsity else "none",
            replay=KEPT, replays=self.replays,
            gradient_share=self.gradient, easy=self.easy,
            headroom=self.headroom, cooling=bool(self.cooled),
        )  # fmt: skip
        layers = len(scheme.weighted_layers(graph))
        return differentiate(graph, scheme.last_layers(graph, layers - 1), how)

    def scoring(self, graph: Graph) -> Step:
        """The step whose gradients choose the masks: whole ones, of every sample."""
        return replace(self, gradient=1.0, easy=0.0).step(graph)


SPARCL = Variant(
    "SparCL", 0.85, exchange=0.3, gradient=0.3, removal=0.55, rate=4.5e-3, replays=4,
    easy=0.1, headroom=2.0, cooled=(0.6, 0.85), consolidation=200,
)  # fmt: skip
VARIANTS = (
    Variant("dense"),
    Variant("dense with headroom", headroom=2.0),
    Variant("dense, rate 4.5e-3", rate=4.5e-3),
    SPARCL,
    replace(SPARCL, name="without exchange of masks", exchange=0.0),
    replace(SPARCL, name="without gradient mask", gradient=1.0),
    replace(SPARCL, name="without data removal", removal=0.0),
    replace(SPARCL, name="without easy samples left out", easy=0.0),
    replace(SPARCL, name="without headroom", headroom=1.0),
    replace(SPARCL, name="without cooling", cooled=()),
    replace(SPARCL, name="without consolidation", consolidation=0),
    Variant("sparse weights alone", SPARCL.sparsity),
)


@dataclass(frozen=True)
class Work:
    """Multiply-accumulates of a new sample's frozen part, of a step's forward and backward pass
    behind it, and of one sample's scores."""

    frozen: int
    forward: int
    backward: int
    score: int

    @staticmethod
    def of(step: Step, scoring: Step, graph: Graph) -> Work:
        plan = plan_step(step, load_target("host"))
        frozen = sum(macs(plan.frozen[0], node) for node in plan.frozen[0].nodes)  # type: ignore[index]
        whole = work_of(plan)
        weights = sum(macs(graph, node) for node in graph.nodes) - frozen
        passes = sum(work_of(plan_step(scoring, load_target("host"))).values()) - frozen
        return Work(frozen, whole["forward"] - frozen, whole["backward"], passes + weights)


@dataclass
class Run:
    """A network on its way through the tasks."""

    variant: Variant
    graph: Graph
    device: HostLearner
    scoring: Step
    work: Work
    macs: int = 0
    steps: int = 0

    def learn(self, task: Task, order: np.random.Generator, epochs: int = EPOCHS) -> None:
        x, removal = stored(self.graph, task.x), Removal(len(task.x))
        if self.variant.exchange:
            self.change_masks(task)
        done, planned = 0, self.planned(len(x), epochs)
        for epoch in range(epochs):
            for sample in order.permutation(removal.left):
                self.cool(sum(done >= share * planned for share in self.variant.cooled))
                label = int(task.y[sample])
                removal.saw(sample, self.device.learn(x[sample], label) == label)
                self.macs += self.work.frozen
                done += 1
            if epoch + 1 < epochs:
                removal.remove(self.variant.removal)
        self.steps += done * (1 + self.variant.replays)
        self.consolidate()

    def planned(self, samples: int, epochs: int) -> int:
        """New samples of a task, counted in every epoch."""
        total = samples
        for _ in range(epochs - 1):
            samples -= int(self.variant.removal * samples)
            total += samples
        return total

    def consolidate(self) -> None:
        """Steps on kept samples alone."""
        for index in range(self.variant.consolidation):
            self.cool(len(self.variant.cooled) + (2 * index >= self.variant.consolidation))
            self.device.replay()
        self.steps += self.variant.consolidation

    def cool(self, halvings: int) -> None:
        if self.variant.cooled:
            self.device.cool(halvings)

    def all_macs(self) -> int:
        """Everything so far: steps on easy samples have no backward pass."""
        backward = (self.steps - self.device.skipped) * self.work.backward
        return self.macs + self.steps * self.work.forward + backward

    def change_masks(self, task: Task) -> None:
        from edge.training.reference import Trainer

        frozen, x = Trainer(self.scoring), stored(self.graph, task.x[:_SCORED])
        new = [
            (frozen.boundary([sample[None]]), int(y)) for sample, y in zip(x, task.y, strict=False)
        ]
        kept = self.device.kept(_SCORED)
        found = [
            block_gradients(self.graph, self.scoring, self.device.states, samples)
            for samples in (new, kept)
        ]
        self.device.write(exchanged(self.graph, self.device.states, *found, self.variant.exchange))
        self.macs += (len(new) + len(kept)) * self.work.score

    def accuracy(self, learned: list[Task], valid: bool = False) -> tuple[float, float]:
        """Means over tasks: the class among all, and among the two of the task."""
        among_all, among_two = [], []
        for number, task in enumerate(learned):
            x, y = (task.valid_x, task.valid_y) if valid else (task.test_x, task.test_y)
            scores = self.device.predict(stored(self.graph, x)).astype(int)
            among_all.append(np.mean(scores.argmax(1) == y))
            among_two.append(np.mean(scores[:, 2 * number : 2 * number + 2].argmax(1) == y % 2))
        return float(np.mean(among_all)), float(np.mean(among_two))


@functools.cache
def _factory(sparsity: float, seed: int) -> Graph:
    return factory(sparsity, seed)


def run(variant: Variant, seed: int, folder: Path, valid: bool = False) -> dict[str, Any]:
    """Learn all tasks; accuracy and work."""
    graph = _factory(variant.sparsity, seed)
    step, scoring = variant.step(graph), variant.scoring(graph)
    device = HostLearner(step, folder)
    state = Run(variant, graph, device, scoring, Work.of(step, scoring, graph))
    order, learned = np.random.default_rng(seed), tasks(seed)
    for task in learned:
        state.learn(task, order)
    all_, two = state.accuracy(learned, valid)
    return {"accuracy": all_, "accuracy_task": two, "macs": state.all_macs()}


def figures(boards: bool, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A row for each variant: means over seeds, and its step on a board. `found` are the runs."""
    rows = []
    for variant in VARIANTS:
        runs = [row for row in found if row["name"] == variant.name]
        accuracies = [row["accuracy"] for row in runs]
        row = asdict(variant) | {
            "seeds": len(runs), "accuracy": float(np.mean(accuracies)),
            "deviation": float(np.std(accuracies)),
            "accuracy_task": float(np.mean([row["accuracy_task"] for row in runs])),
            "macs": float(np.mean([row["macs"] for row in runs])),
        }  # fmt: skip
        rows.append(row | (board(variant) if boards else {}))
    for row in rows:
        row["of_dense"] = row["macs"] / rows[0]["macs"]
    return rows


def board(variant: Variant) -> dict[str, Any]:
    """RAM that is planned, and instructions of a step with its replays, on Cortex-M7."""
    graph = _factory(variant.sparsity, 0)
    target = load_target(TARGET)
    step = variant.step(graph)
    ram = static_ram(plan_step(step, target))
    # The dense network does not fit the board with all kept samples; one takes the same steps.
    planned = plan_step(replace(step, settings=replace(step.settings, replay=1)), target)
    task = tasks(0)[0]
    inputs = [stored(graph, task.x[:1]), task.y[:1, None].astype(np.int32)]
    with tempfile.TemporaryDirectory() as folder:
        write_project(Path(folder) / "net", emit_step(planned, TARGET))
        bench = TrainingBench(open_project(Path(folder) / "net"))
        counted = bench.run(bench.program(scores_only=True), inputs, count=True)
    return {"ram": ram, "instructions": counted.instructions}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--choose", action="store_true", help="accuracy on training images")
    parser.add_argument("--boards", action="store_true", help="instructions on Cortex-M7 as well")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    found = []
    for variant in VARIANTS:
        for seed in args.seeds:
            with tempfile.TemporaryDirectory() as folder:
                made = run(variant, seed, Path(folder) / "net", args.choose)
            found.append({"name": variant.name, "seed": seed, **made})
            print(found[-1], file=sys.stderr, flush=True)
    rows = figures(args.boards, found)
    print(json.dumps({"rows": rows, "runs": found}, indent=1) if args.json else _table(rows))


def _table(rows: list[dict[str, Any]]) -> str:
    lines = ["| variant | accuracy (std) | given the task | work, G MAC | of dense |"]
    lines.append("| --- | ---: | ---: | ---: | ---: |")
    lines += [
        f"| {row['name']} | {row['accuracy']:.3f} ({row['deviation']:.3f}) "
        f"| {row['accuracy_task']:.3f} | {row['macs'] / 1e9:.2f} | {row['of_dense']:.3f} |"
        for row in rows
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
