"""Training on the device: plan what to train, export it, and verify it step by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from edge.emit.project import to_json
from edge.errors import fail
from edge.ir import Graph
from edge.ir.types import Array
from edge.packages.assemble import packages
from edge.packages.kinds import checked_kinds
from edge.packages.subject import Subject
from edge.runners import Result, runner_for
from edge.target import Target, load_target, parse_size
from edge.toolchains import Program, build, find_toolchain
from edge.training import scheme as schemes
from edge.training.autodiff import Step, differentiate, scores_of
from edge.training.blocks import can_be_cut, live_blocks
from edge.training.channel_order import (
    Orders,
    important_first,
    reordered,
    reordered_scores,
)
from edge.training.emit import emit_step
from edge.training.exported_step import step_of_plan
from edge.training.forward import has_dead_blocks
from edge.training.plan_file import TrainPlan, read_plan, static_ram, work_of
from edge.training.planning import LABEL_BYTES, RESERVOIR_BYTES, StepPlan, plan_step
from edge.training.reference.learner import Learner
from edge.training.scheme import UpdateScheme
from edge.training.scores import Gains, Scores, fisher_scores, scheme_of, table
from edge.training.selection import Budget, Selection, fit
from edge.training.tape import Settings
from edge.workflow.contribution import measured_gains
from edge.workflow.export import Compilation, compile_model, packages_json, reference_vectors
from edge.workflow.project import REPORT_FILE, Project, open_project, write_project
from edge.workflow.samples import as_samples, random_inputs

_SCORED = 32
"""Samples from which Fisher scores are computed."""

_MEASURED = 256
"""Samples that contributions are measured with; a quarter of them is held out."""


def train_plan(
    model: Any,
    target: str | Target,
    *,
    data: str | Path | tuple[Array, Array] | None = None,
    scheme: str = "auto",
    scores: str = "fisher",
    score_steps: int = 64,
    scores_file: str | Path | None = None,
    reorder: bool = True,
    work: int | None = None,
    learning_rate: float = 3e-3,
    loss: str = "cross_entropy",
    gradients: str = "int8",
    weights: str = "q8.8",
    masks: str = "auto",
    gradient_share: float = 1.0,
    easy: float = 0.0,
    headroom: float = 1.0,
    cooling: bool = False,
    replay: int | str = 0,
    replays: int = 1,
    **settings: Any,
) -> TrainPlan:
    """Which biases and weights to train within the target's RAM.

    `data` (an .npz with x and y, or the two arrays) is needed by the scheme "auto", which picks by
    `scores`: "fisher", from gradients, or "contribution", what the loss of held-out samples loses
    when a part is fine-tuned for `score_steps` steps. `scores_file` keeps what was measured, so
    that it is measured once. With `reorder` the channels between two layers may change their order,
    so that the first ones, which a slice of a weight trains, are those that gain most. Other
    schemes are "bias-only", "full" and "last-K" for a number K.
    `work` limits the backward multiply-accumulates of "auto". `gradients` are "int8" with an
    exponent a tensor, or "float32", in four times the RAM, for targets with an FPU. `weights` are
    "q8.8", two bytes each, or "stochastic", one byte. `masks` are those of `Settings`, or "auto":
    fixed where a trained weight has zero blocks of four inputs, which then stay zero. `easy`,
    `headroom` and `cooling` are those of `Settings`. `replay` keeps so many samples of the stream
    where the frozen part ends, or as many as fit bytes ("40K"), and takes `replays` steps on kept
    ones after each new one. Further settings are those of `edge.export`; a float model without
    calibration data is calibrated with x.
    Raises EdgeError E0304 naming the smallest RAM if nothing fits, E0017 for an unknown scheme.
    """
    samples = None if data is None else read_samples(data)
    if samples is not None and settings.get("calibration") is None:
        settings["calibration"] = [(x[None],) for x in samples[0]]
    compiled = compile_model(model, target, **settings)
    graph, chosen = compiled.graph, compiled.target
    how = Settings(
        learning_rate=learning_rate, loss=loss, gradients=gradients, weights=weights,
        gradient_share=gradient_share, easy=easy, headroom=headroom, cooling=cooling,
        replays=replays, replay=replay if isinstance(replay, int) else 0,
        masks=masks_of(graph) if masks == "auto" else masks,
    )  # fmt: skip
    gain: float | None = None
    orders: Orders = {}
    if scheme == "auto":
        reserved = parse_size(replay, "replay") if isinstance(replay, str) else 0
        file = Path(scores_file) if scores_file else None
        progress = settings.get("progress", True)
        search = _Search(
            chosen, how, scores, score_steps, file, reorder, work, reserved, progress
        )  # fmt: skip
        auto = search.chosen(graph, samples)
        graph, orders, gain = auto.graph, auto.orders, auto.selection.gain
        update = _scheme(graph, auto.selection, how)
    else:
        update = _named(graph, scheme)
    planned = plan_step(differentiate(graph, update, how), chosen)
    if isinstance(replay, str):
        how = replace(how, replay=kept_in(planned, replay))
        planned = plan_step(differentiate(graph, update, how), chosen)
    predicted = prediction(planned, chosen)
    _check_fit(predicted, chosen)
    return TrainPlan(graph.name, chosen.name, update, how, {**predicted, "gain": gain}, orders)


def read_samples(data: str | Path | tuple[Array, Array]) -> tuple[Array, Array]:
    """(x, y) of an .npz. Raises EdgeError E0005 if it does not hold as many of both."""
    if isinstance(data, tuple):
        return data
    try:
        with np.load(data, allow_pickle=False) as file:
            x, y = file["x"], file["y"]
    except (OSError, ValueError, KeyError) as error:
        raise fail("E0005", f"{data} is no .npz with x and y", notes=[str(error)]) from error
    if len(x) != len(y) or not len(x):
        raise fail("E0005", f"{data} holds {len(x)} inputs and {len(y)} labels")
    return x, y


_PRUNED = 1 / 16
"""Share of zero blocks from which on a layer counts as pruned: by chance there are none."""


def masks_of(graph: Graph) -> str:
    """ "fixed" if a layer was pruned in blocks of four inputs, else "none"."""
    weights = (graph.constant(n.inputs[1]) for n in schemes.weighted_layers(graph))
    dead = (1 - live_blocks(w).mean() for w in weights if can_be_cut(w.shape))
    return "fixed" if max(dead, default=0.0) > _PRUNED else "none"


def kept_in(plan: StepPlan, size: str) -> int:
    """How many samples, with their labels, fit "40K" bytes. Raises EdgeError E0304 if none does."""
    sample = plan.sample_bytes + LABEL_BYTES
    count = (parse_size(size, "replay") - RESERVOIR_BYTES) // sample
    if count < 1:
        raise fail(
            "E0304", f"no sample for replay fits {size}",
            help=[f"at least {sample + RESERVOIR_BYTES} bytes: {sample} a sample"],
        )  # fmt: skip
    return count


def _named(graph: Graph, scheme: str) -> UpdateScheme:
    kind, _, count = scheme.partition("-")
    if scheme == "bias-only":
        return schemes.bias_only(graph)
    if scheme == "full":
        return schemes.full(graph)
    if kind == "last" and count.isdigit() and int(count):
        return schemes.last_layers(graph, int(count))
    raise fail("E0017", f"unknown scheme {scheme!r}", help=["auto, bias-only, full or last-K"])


@dataclass(frozen=True, eq=False)
class _Chosen:
    """What the scheme "auto" finds: the graph in its order of channels, and what to train of it."""

    graph: Graph
    orders: Orders
    selection: Selection


@dataclass(frozen=True)
class _Search:
    """How the scheme "auto" looks for what to train."""

    target: Target
    settings: Settings
    scores: str
    steps: int
    file: Path | None
    reorder: bool
    work: int | None
    reserved: int
    progress: bool

    def chosen(self, graph: Graph, samples: tuple[Array, Array] | None) -> _Chosen:
        if samples is None:
            raise fail(
                "E0017", "the scheme auto needs data", help=["--data train.npz with x and y"]
            )
        if self.scores not in ("fisher", "contribution"):
            raise fail("E0017", f"unknown scores {self.scores!r}", help=["fisher or contribution"])
        found = self._by_fisher(graph, fisher_scores(graph, _labelled(graph, samples, _SCORED)))
        if self.scores == "fisher":
            return found
        measured = _labelled(graph, samples, _MEASURED)
        gains = measured_gains(
            found.graph, self.settings, measured, self.steps,
            file=self.file, progress=self.progress,
        )  # fmt: skip
        return replace(found, selection=self._selected(found.graph, gains))

    def _by_fisher(self, graph: Graph, scores: Scores) -> _Chosen:
        """With the important channels first, if more is gained so. Blocks of four stay together."""
        found = _Chosen(graph, {}, self._selected(graph, scores.gains(graph)))
        if not self.reorder or self.settings.masks != "none":
            return found
        orders = important_first(graph, scores)
        moved = reordered(graph, orders)
        gains = reordered_scores(graph, scores, orders).gains(moved)
        other = _Chosen(moved, orders, self._selected(moved, gains))
        return other if other.selection.gain > found.selection.gain else found

    def _selected(self, graph: Graph, gains: Gains) -> Selection:
        choices = table(graph, gains)
        everything = choices.biases[-1].bytes + sum(c[-1].bytes for c in choices.weights.values())
        sram = self.target.sram
        ram = 100 * everything
        if sram is not None:
            ram = sram.length - self.target.stack - self.reserved

        def measure(selection: Selection) -> int:
            scheme = _scheme(graph, selection, self.settings)
            return static_ram(plan_step(differentiate(graph, scheme, self.settings), self.target))

        return fit(choices, Budget(min(ram, everything), self.work), ram, measure).selection


def _labelled(graph: Graph, samples: tuple[Array, Array], count: int) -> list[tuple[Array, int]]:
    pairs = zip(stored_inputs(graph, samples[0][:count]), samples[1], strict=False)
    return [(x, int(y)) for x, y in pairs]


def _scheme(graph: Graph, selection: Selection, settings: Settings) -> UpdateScheme:
    """The selection's; a layer whose blocks are stored alone is trained whole or not at all."""
    found = scheme_of(graph, selection)
    if settings.masks == "none":
        return found
    nodes = {node.name: node for node in schemes.weighted_layers(graph)}
    weights = {
        name: schemes.input_channels(graph, nodes[name])
        if has_dead_blocks(graph, nodes[name])
        else channels
        for name, channels in found.weights.items()
    }
    return UpdateScheme(found.biases, weights)


def stored_inputs(graph: Graph, x: Array) -> list[Array]:
    """Samples [1, ...] as the graph takes them."""
    tensor = graph.type(graph.inputs[0])
    quantization = tensor.quantization
    port = {
        "name": graph.inputs[0],
        "shape": tensor.shape,
        "dtype": str(tensor.dtype),
        "scale": quantization.scale[0] if quantization else None,
        "zero_point": quantization.zero_point[0] if quantization else None,
    }
    return [sample[None] for sample in as_samples(x, port)]


def prediction(plan: StepPlan, target: Target) -> dict[str, Any]:
    """RAM and flash in bytes and work in multiply-accumulates, before anything is built."""
    graph = plan.step.graph
    constants = sum(v.type.nbytes for v in graph.values.values() if v.is_constant)
    constants += sum(s.initial.nbytes for s in graph.states if not s.read.endswith("_low"))
    static = static_ram(plan)
    return {
        "ram": {
            "static": static, "arena": plan.arena, "trainables": plan.trainables,
            "replay": plan.replay, "stack": target.stack, "total": static + target.stack,
        },
        "flash": {"constants": constants},
        "work": work_of(plan),
    }  # fmt: skip


def _check_fit(predicted: Mapping[str, Any], target: Target) -> None:
    needed = predicted["ram"]["total"]
    if target.sram is not None and needed > target.sram.length:
        raise fail(
            "E0304",
            f"training needs {needed:,} B of RAM, {target.name} has {target.sram.length:,}",
            help=[f"--sram {needed} or a scheme that trains less"],
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class ExportedTraining:
    """What an export that trains wrote and predicts."""

    out: Path
    plan: StepPlan
    target: Target
    predicted: Mapping[str, Any]
    packages: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The object that `edge export --train --json` prints, less the envelope."""
        made = {"packages": self.packages} if self.packages else {}
        predicted = dict(self.predicted)
        return {"out": str(self.out), "target": self.target.name, "predicted": predicted, **made}


def export_training(
    model: Any,
    target: str | Target,
    out: str | Path,
    calibration: Any = None,
    *,
    train: str | Path | TrainPlan,
    force: bool = False,
    package: Sequence[str] = (),
    **settings: Any,
) -> ExportedTraining:
    """Write the C of a model that trains what a plan says. Other arguments are those of `export`.

    Raises EdgeError E0019 for a plan of something else, E0304 if it does not fit.
    """
    kinds = checked_kinds(package)
    chosen = train if isinstance(train, TrainPlan) else read_plan(train)
    compiled = compile_model(model, target, calibration, **settings)
    subject, planned = _subject(compiled, chosen)
    packed = packages(subject, kinds)
    write_project(Path(out), {**subject.files, **packed}, force)
    predicted = subject.report["training"]
    made = packages_json(kinds, packed)
    return ExportedTraining(Path(out), planned, compiled.target, predicted, made)


def _subject(compiled: Compilation, chosen: TrainPlan) -> tuple[Subject, StepPlan]:
    """The files of an export that trains. Raises EdgeError E0304 if it does not fit."""
    graph = reordered(compiled.graph, chosen.orders)
    step = differentiate(graph, chosen.scheme, chosen.settings)
    planned = plan_step(step, compiled.target)
    predicted = prediction(planned, compiled.target)
    _check_fit(predicted, compiled.target)
    files = emit_step(planned, compiled.target.name)
    files[REPORT_FILE] = to_json({"target": compiled.target.name, "training": predicted})
    subject = Subject(
        files, compiled.target, reference_vectors(scores_of(graph, chosen.settings)),
        lambda name: _subject(replace(compiled, target=load_target(name)), chosen)[0],
    )  # fmt: skip
    return subject, planned


def step_of(project: Project) -> Step:
    """The training step that an exported folder computes. Raises EdgeError E0003 if it has none."""
    plan = project.plan
    if plan.get("kind") != "training":
        raise fail(
            "E0003", f"{project.name} was exported without training", help=["--train plan.json"]
        )
    return step_of_plan(plan, project.graph)


@dataclass(frozen=True, eq=False)
class TrainingBench:
    """An exported folder that trains, with the runner and compiler that were asked for."""

    project: Project
    on: str | None = None
    toolchain: str | None = None

    def program(self, scores_only: bool = False) -> Program:
        """Build it; for a runner with other kernels the same step is planned for its own target.

        With `scores_only` a program that does not show its trainables, which after every sample of
        a long stream would be more than its learning curve is worth.
        """
        target = load_target(self.project.target)
        runner = runner_for(target, self.on)
        folder = self.project.path
        if scores_only or runner.target.kernels != target.kernels:
            kind = "scores" if scores_only else "for"
            folder = folder / "build" / f"{kind}-{runner.target.name}"
            planned = plan_step(step_of(self.project), runner.target)
            write_project(folder, emit_step(planned, runner.target.name, scores_only), force=True)
        return build(folder, runner.target, find_toolchain(self.toolchain, runner.target))

    def run(self, program: Program, inputs: list[Array], count: bool = False) -> Result:
        runner = runner_for(load_target(self.project.target), self.on)
        return runner.run(program, inputs, count=count)


@dataclass(frozen=True)
class TrainingVerification:
    """How many values were compared over all steps: the scores and every trainable after each."""

    target: str
    runner: str
    steps: int
    values: int
    mismatches: int
    digest: str

    @property
    def ok(self) -> bool:
        return self.mismatches == 0

    def to_json(self) -> dict[str, Any]:
        """The object that `edge verify --train-steps --json` prints, less the envelope."""
        return {
            "ok": self.ok, "target": self.target, "runner": self.runner, "reference": "numpy",
            "steps": self.steps, "values": self.values, "mismatches": self.mismatches,
            "digest": self.digest,
        }  # fmt: skip


def verify_training(
    out: str | Path, steps: int, *, on: str | None = None, toolchain: str | None = None
) -> TrainingVerification:
    """Build an exported folder, train on random samples and compare every step with numpy."""
    project = open_project(out)
    step = step_of(project)
    bench = TrainingBench(project, on, toolchain)
    inputs = training_samples(step, steps)
    program = bench.program()
    result = bench.run(program, inputs)
    compared = _compared(step, inputs, result)
    runner = runner_for(load_target(project.target), on)
    return TrainingVerification(project.target, runner.name, steps, *compared)


def training_samples(step: Step, count: int) -> list[Array]:
    """Random inputs and labels, the same for the same model."""
    graph = step.graph
    x, y = random_inputs(graph, count, "train")
    if step.settings.loss != "cross_entropy":
        return [x, y]
    classes = graph.type(graph.outputs[0]).elements
    labels = np.random.default_rng(count).integers(0, classes, (count, 1)).astype(np.int32)
    return [x, labels]


def _compared(step: Step, inputs: list[Array], result: Result) -> tuple[int, int, str]:
    learner, values, mismatches = Learner(step), 0, 0
    for index in range(len(inputs[0])):
        target = inputs[1][index]
        wanted = int(target[0]) if step.settings.loss == "cross_entropy" else target[None]
        scores = learner.learn([inputs[0][index][None]], wanted)
        expected = [scores, *learner.arrays]
        for array, raw in zip(expected, result.outputs, strict=True):
            made = raw[index].view(array.dtype).reshape(array.shape)
            values += array.size
            mismatches += int(np.count_nonzero(made != array))
    return values, mismatches, learner.trainer.digest()
