"""Export and check: a model becomes a folder of C for a target, or a list of what is missing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from edge.emit.layers import c_name
from edge.emit.project import Emission, Files, emit, layers_json, to_json
from edge.errors import Diagnostic, EdgeError, fail
from edge.frontends import Model, load
from edge.ir import Graph, Rounding, macs
from edge.ir.types import FLOAT_ROUNDINGS
from edge.packages.assemble import packages
from edge.packages.kinds import KINDS, checked_kinds
from edge.packages.subject import Subject
from edge.planning import Plan, check_fit, plan
from edge.quantization.seven_bits import bits_of_activations
from edge.target import Target, load_target
from edge.workflow.language import (
    WINDOW,
    LanguageSettings,
    is_language_model,
    language_model,
)
from edge.workflow.prepare import Calibration, has_quantize_nodes, is_float, prepare
from edge.workflow.prepare_float import prepare_float
from edge.workflow.project import MODEL_FILE, REPORT_FILE, write_project
from edge.workflow.pruned import pruned_model
from edge.workflow.samples import random_inputs

VECTORS, SEQUENCE = 2, 12
"""Test vectors stored in every export; for a model with states they are a sequence."""

INPUT_FORMS = ("arena", "rows")
PRECISIONS = ("int8", "fp32", "fp32-fused")


@dataclass(frozen=True, eq=False)
class Exported:
    """What an export wrote and what it predicts. Sizes are bytes."""

    out: Path
    graph: Graph
    plan: Plan
    target: Target
    memory: Mapping[str, int]
    layers: Sequence[Mapping[str, Any]]
    diagnostics: tuple[Diagnostic, ...] = ()
    smallest: bool = False
    packages: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The object that `edge export --json` prints, less the envelope."""
        report = report_json(self.plan, self.graph, self.memory, self.layers, self.smallest)
        made = {"packages": self.packages} if self.packages else {}
        return {"out": str(self.out), **report, **made, "diagnostics": self.diagnostics}


def report_json(
    plan_: Plan,
    graph: Graph,
    memory: Mapping[str, int],
    layers: Sequence[Mapping[str, Any]],
    smallest: bool = False,
) -> dict[str, Any]:
    """What report.json holds: target, how memory was planned, model, memory and layers."""
    return {
        "target": plan_.target,
        "planning": {"input": "rows" if plan_.input_rows else "arena", "smallest": smallest},
        "model": model_json(graph, c_name(plan_.model)),
        "memory": dict(memory),
        "layers": list(layers),
    }


def model_json(graph: Graph, name: str) -> dict[str, Any]:
    """Name, multiply-accumulates, parameters and bits of an activation of a model."""
    weights = (v.type.elements for v in graph.values.values() if v.is_constant)
    total = sum(macs(graph, node) for node in graph.nodes)
    return {
        "name": name,
        "macs": total,
        "parameters": sum(weights),
        "activation_bits": bits_of_activations(graph),
    }


@dataclass(frozen=True, eq=False)
class Compilation:
    """A model on its way to a target: loaded and integer, not yet planned."""

    model: Model
    graph: Graph
    target: Target
    warnings: tuple[Diagnostic, ...] = ()
    streamed: bool = False
    smallest: bool = False

    @cached_property
    def plan(self) -> Plan:
        return plan(self.graph, self.target, streamed=self.streamed, smallest=self.smallest)


def compile_model(
    model: Any,
    target: str | Target,
    calibration: Calibration = None,
    *,
    observer: str = "minmax",
    rounding: str | Rounding | None = None,
    precision: str = "int8",
    activation_bits: int = 8,
    prune: str | None = None,
    sram: int | str | None = None,
    flash: int | str | None = None,
    input: str = "arena",
    name: str | None = None,
    window: int | None = None,
    context: int | None = None,
    tokenizer: Path | None = None,
    progress: bool = True,
    dump: Path | None = None,
    checked: bool = False,
) -> Compilation:
    """Load a model and make it an integer graph for a target; see `export` for the arguments."""
    if input not in INPUT_FORMS:
        raise fail("E0016", f"unknown form of input {input!r}", help=[" or ".join(INPUT_FORMS)])
    smallest = isinstance(sram, str) and sram.strip().lower() == "min"
    chosen = load_target(target) if isinstance(target, str) else target
    chosen = chosen.with_memory(sram=None if smallest else sram, flash=flash)
    wanted = _rounding(precision, rounding)
    if is_language_model(model):
        language = LanguageSettings(window or WINDOW, context, calibration, tokenizer, prune)
        _refuse_for_language(precision, activation_bits, wanted, input)
        loaded = language_model(model, language)
    else:
        _refuse_language_settings(window, context, tokenizer)
        loaded = load(model, wanted)
        if prune is not None:
            loaded = pruned_model(loaded, prune)
    warnings: list[Diagnostic] = []
    if precision != "int8":
        _refuse_bits(activation_bits, precision)
        fused = precision == "fp32-fused"
        graph = prepare_float(loaded.graph, fused=fused, dump=dump, checked=checked)
    else:
        graph = prepare(
            loaded.graph, calibration, observer=observer, rounding=wanted,
            activation_bits=activation_bits, progress=progress, dump=dump, checked=checked,
            warn=warnings.append,
        )  # fmt: skip
    named = replace(graph, name=c_name(name or graph.name))
    return Compilation(loaded, named, chosen, tuple(warnings), input == "rows", smallest)


def _refuse_for_language(
    precision: str, activation_bits: int, rounding: Rounding | None, input: str
) -> None:
    given = {
        f"--precision {precision}": precision != "int8",
        f"--activation-bits {activation_bits}": activation_bits != 8,
        f"--rounding {rounding}": rounding not in (None, Rounding.SINGLE),
        f"--input {input}": input != "arena",
    }
    for option in (name for name, wrong in given.items() if wrong):
        raise fail("E0016", f"{option} with a language model, which is int8 token by token")


def _refuse_language_settings(*given: object) -> None:
    if any(value is not None for value in given):
        raise fail("E0016", "a window, a context or a tokenizer for what is no language model",
                   help=["give a llama2.c .bin, or a folder with config.json"])  # fmt: skip


def _refuse_bits(activation_bits: int, precision: str) -> None:
    if activation_bits != 8:
        raise fail("E0016", f"activations of {activation_bits} bits with precision {precision}")


def _rounding(precision: str, rounding: str | Rounding | None) -> Rounding | None:
    """The requantization that is asked for. Raises EdgeError E0016 where it has no meaning."""
    if precision not in PRECISIONS:
        raise fail("E0016", f"unknown precision {precision!r}", help=[" or ".join(PRECISIONS)])
    if rounding is None:
        return None
    if precision != "int8" or Rounding(rounding) in FLOAT_ROUNDINGS:
        raise fail("E0016", f"rounding {rounding} with precision {precision}: only int8 rounds so")
    return Rounding(rounding)


def export(
    model: Any,
    target: str | Target,
    out: str | Path,
    calibration: Calibration = None,
    *,
    force: bool = False,
    package: Sequence[str] = (),
    **settings: Any,
) -> Exported:
    """Write the C project of `model` for `target` into the folder `out`.

    `model` is anything `edge.load` takes, or a language model: a llama2.c file, or a folder with
    config.json and safetensors of a Llama. `calibration` (.npz, .npy or an iterable of inputs)
    quantizes a float model. Further settings: `observer` ("minmax", "moving_average",
    "percentile", "mse"), `rounding` ("tflite", "tflm", "single"), `precision` ("int8", or "fp32"
    for float kernels, which need no calibration; "fp32-fused" adds products unrounded, which makes
    other bits and is quicker where the target has the instruction), `activation_bits` (8, or 7 for
    the relaxed kernels of `wasm32-relaxed`: what convolutions and linear layers read holds 0..127
    alone), `prune` ("1x4:0.5" removes half of the weights of
    every layer that the pattern fits, least magnitude first), `sram` and `flash` (bytes or
    "256K"; `sram="min"` joins operators until the arena is as small as it gets), `input` ("arena",
    or "rows" for an input that is given row by row and never held as a whole), `name` (prefix of
    the C names), `window`, `context` and `tokenizer` of a language model
    (edge.workflow.language.LanguageSettings), `progress`, `dump` (folder for the graph after each
    pass), `checked` (check the graph after each pass). `package` names kinds of packages
    (edge.packages.kinds) that are put beside the C, each in a folder OUT/KIND.

    Raises EdgeError: the model is unreadable or not supported, needs calibration, or does not fit
    the target, or a package cannot be made of it. The folder is then left as it was.
    """
    kinds = checked_kinds(package)
    compiled = compile_model(model, target, calibration, **settings)
    graph, chosen, planned = compiled.graph, compiled.target, compiled.plan
    subject = _subject(compiled)
    packed = packages(subject, kinds)
    write_project(Path(out), {**subject.files, **packed}, force)
    memory, layers = subject.report["memory"], subject.report["layers"]
    return Exported(
        Path(out), graph, planned, chosen, memory, layers, compiled.warnings, compiled.smallest,
        packages_json(kinds, packed),
    )  # fmt: skip


def packages_json(kinds: Sequence[str], files: Files) -> dict[str, Any]:
    """Of each package: how it was checked, and the bytes of each file."""
    return {
        kind: {
            "support": str(KINDS[kind].support),
            "files": {
                path.removeprefix(f"{kind}/"): len(content)
                for path, content in files.items()
                if path.startswith(f"{kind}/")
            },
        }
        for kind in kinds
    }


def _subject(compiled: Compilation) -> Subject:
    """The files of an export. Raises EdgeError if it does not fit its target."""
    graph, planned = compiled.graph, compiled.plan
    memory = check_fit(graph, planned, compiled.target)
    vectors = reference_vectors(graph)
    files = emit(graph, planned, vectors)
    layers = layers_json(Emission(graph, planned))
    files |= _records(compiled, report_json(planned, graph, memory, layers, compiled.smallest))
    return Subject(
        files, compiled.target, vectors,
        lambda name: _subject(replace(compiled, target=load_target(name))),
    )  # fmt: skip


def _records(compiled: Compilation, report: Mapping[str, Any]) -> Files:
    files: Files = {REPORT_FILE: to_json(report), **compiled.model.beside}
    if compiled.model.tflite is not None:
        files[MODEL_FILE] = compiled.model.tflite
    return files


def reference_vectors(
    graph: Graph,
) -> tuple[list[np.ndarray[Any, Any]], list[np.ndarray[Any, Any]]]:
    """Random inputs and the outputs of the numpy reference."""
    from edge.reference import run_batch

    inputs = random_inputs(graph, SEQUENCE if graph.states else VECTORS)
    return inputs, run_batch(graph, inputs)


def check(model: Any, target: str | Target, **settings: Any) -> dict[str, Any]:
    """Whether a model fits a target, with memory and all unsupported operators; writes nothing.

    Takes the settings of `export`. A float model without calibration data is checked with made-up
    ranges, on which its memory does not depend.
    """
    chosen = load_target(target) if isinstance(target, str) else target
    verdict: dict[str, Any] = {
        "target": chosen.name,
        "fits": False,
        "memory": {},
        "unsupported": [],
    }
    try:
        if not is_language_model(model):
            model = load(model)
            settings = _with_made_up_ranges(model.graph, settings)
        compiled = compile_model(model, chosen, **settings)
        verdict["memory"] = check_fit(compiled.graph, compiled.plan, compiled.target)
    except EdgeError as error:
        if error.exit_status not in (1, 3):
            raise
        return {**verdict, "ok": False, **_refusal(error.diagnostics)}
    return {**verdict, "ok": True, "fits": True}


_OPERATOR = re.compile(r"(?:operator '?|no kernel for )([\w.:]+)")
_COUNT = re.compile(r"\((\d+) (?:uses|times)\)$")


def _refusal(diagnostics: Sequence[Diagnostic]) -> dict[str, Any]:
    rows = [_unsupported(d) for d in diagnostics if d.code.startswith("E01")]
    return {"unsupported": rows, "diagnostics": diagnostics}


def _unsupported(diagnostic: Diagnostic) -> dict[str, Any]:
    """A diagnostic as a row: the operator (or what else is refused), how often, where first."""
    operator, count = _OPERATOR.search(diagnostic.title), _COUNT.search(diagnostic.title)
    return {
        "op": operator[1] if operator else diagnostic.title,
        "count": int(count[1]) if count else 1,
        "where": diagnostic.where,
    }


def _with_made_up_ranges(graph: Graph, settings: dict[str, Any]) -> dict[str, Any]:
    if settings.get("precision", "int8") != "int8" or settings.get("calibration") is not None:
        return settings
    if is_float(graph) and not has_quantize_nodes(graph):
        return {**settings, "calibration": [tuple(random_inputs(graph, 1))]}
    return settings
