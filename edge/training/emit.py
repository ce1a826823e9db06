"""A planned step becomes C: descriptors, the slots of each call, and the calls in order.

The frozen part is emitted like any model, in files of its own, and works in the same arena.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from itertools import accumulate
from typing import Any

import numpy as np

from edge import __version__
from edge.emit.c_text import ConstArray, initializer
from edge.emit.calls import kernel_symbol
from edge.emit.context import Descriptor
from edge.emit.descriptors import describe
from edge.emit.layers import c_name
from edge.emit.project import Emission, Files, model_view, runtime_files, to_json
from edge.emit.shared_arrays import shared_arrays
from edge.emit.templates import render
from edge.ir import OPS, Graph, Node, RowRule, State, to_text
from edge.planning.choice import kernel_named
from edge.planning.kernels import ALIAS
from edge.planning.plan import Step as PlanStep
from edge.planning.rows import row_count
from edge.training.descriptors import Site, constant_array, describe_training
from edge.training.kernels import Chosen
from edge.training.lifetimes import shared_bytes
from edge.training.ops import TRAINING_OPS
from edge.training.planning import LABEL_BYTES, RESERVOIR_BYTES, StepPlan, Tail
from edge.training.reference.trainer import LOSSES, easy_limit

_CHECKPOINT = "checkpoint/checkpoint.c"

_C_TYPES = {"int8": "int8_t", "uint8": "uint8_t", "int32": "int32_t"}


@dataclass(frozen=True)
class Parameter:
    """A trainable: an array in RAM that starts as `initial` in flash, or filled with one byte."""

    name: str
    c_type: str
    count: int
    nbytes: int
    initial: ConstArray | None
    fill: int


@dataclass(frozen=True)
class Call:
    """One node in C: its descriptor, its slots, the statement that runs it, the condition, if
    any, in which the step ends behind it, and the exponent, if any, that is lowered to cool."""

    comment: str
    symbol: str
    struct: str
    descriptor: str
    slots: tuple[str, ...]
    statement: str
    arrays: tuple[ConstArray, ...]
    ends: str = ""
    cools: str = ""


@dataclass(frozen=True, eq=False)
class StepEmission:
    """The view model of a step."""

    plan: StepPlan
    target: str

    @cached_property
    def name(self) -> str:
        return c_name(self.plan.step.graph.name)

    @cached_property
    def parameters(self) -> list[Parameter]:
        return [self._parameter(state) for state in self.plan.step.graph.states]

    def _parameter(self, state: State) -> Parameter:
        name, data = f"{self.name}_{c_name(state.read)}", state.initial
        c_type = _C_TYPES[data.dtype.name]
        if data.dtype == np.uint8 and (data == data.flat[0]).all():
            return Parameter(name, c_type, data.size, data.nbytes, None, int(data.flat[0]))
        initial = ConstArray(f"{name}_initial", data)
        return Parameter(name, c_type, data.size, data.nbytes, initial, 0)

    @cached_property
    def symbols(self) -> dict[str, str]:
        """The C name of everything that lies outside of the arena."""
        graph = self.plan.step.graph
        found = {s.read: p.name for s, p in zip(graph.states, self.parameters, strict=True)}
        found |= {n: f"{self.name}_{c_name(owner)}" for n, owner in self.constants.items()}
        return found | {graph.inputs[-1]: "edge_target"}

    @cached_property
    def constants(self) -> dict[str, str]:
        """Each constant of the tails, and the one in whose array it lies."""
        values = self.plan.step.graph.values
        tails = (self.plan.training.graph, self.plan.inference.graph)
        names = dict.fromkeys(name for graph in tails for name in graph.values)
        return shared_arrays({n: v.data for n in names if (v := values[n]).data is not None})

    @cached_property
    def training(self) -> list[Call]:
        return list(self._calls(self.plan.training, "train"))

    @cached_property
    def inference(self) -> list[Call]:
        return list(self._calls(self.plan.inference, "infer"))

    def _calls(self, tail: Tail, part: str) -> Iterator[Call]:
        places = self._places(tail)
        for node in tail.graph.nodes:
            if tail.kernels[node.name].kernel != ALIAS:
                yield self._call(tail, node, places, f"{part}_{c_name(node.name)}")

    def _places(self, tail: Tail) -> dict[str, str]:
        """The address of every value of a tail, in C."""
        owner, places = shared_bytes(tail.graph), dict(self.symbols)
        places[tail.graph.inputs[-1]] = places.get(tail.graph.inputs[-1], "")
        for name in tail.graph.values:
            held = owner[name]
            if held in tail.offsets:
                places[name] = f"ARENA + {tail.offsets[held]}"
            elif held in self.symbols:
                places[name] = self.symbols[held]
        return places

    def _call(self, tail: Tail, node: Node, places: dict[str, str], symbol: str) -> Call:
        chosen = tail.kernels[node.name]
        site = Site(tail.graph, node, chosen, self.symbols, f"{self.name}_{symbol}")
        described = _described(site)
        kernel = kernel_symbol(chosen.kernel)
        scratch = f"ARENA + {tail.scratch[node.name]}" if chosen.scratch else "NULL"
        out = places[node.output]
        reads = f"&{symbol}, {symbol}_in"
        if chosen.rows > 1:
            row = tail.graph.type(node.output).nbytes // chosen.rows
            statement = f"edge_down({kernel}, {reads}, {chosen.rows}, {out}, {row}, {scratch});"
        else:
            statement = f"{kernel}({reads}, 0, {out}, {scratch});"
        slots = tuple(_slots(tail.graph, node, chosen.kernel, places))
        text = f"{node.op} -> {_shape(tail.graph, node.output)}, {chosen.kernel}"
        fields = initializer(described.fields)
        return Call(
            text, symbol, described.struct, fields, slots, statement, described.arrays,
            self._ends(tail, node, places), self._cools(node, places),
        )  # fmt: skip

    def _cools(self, node: Node, places: dict[str, str]) -> str:
        cools = self.plan.step.settings.cooling and node.op in LOSSES
        return places[node.outputs[1]] if cools else ""

    def _ends(self, tail: Tail, node: Node, places: dict[str, str]) -> str:
        limit = easy_limit(self.plan.step.settings)
        if not limit or node.op not in LOSSES:
            return ""
        values, exponent = (places[name] for name in node.outputs)
        return (
            f"edge_is_easy({values}, {tail.graph.type(node.output).elements}, {exponent}, {limit})"
        )

    @cached_property
    def arrays(self) -> list[ConstArray]:
        """Constants that calls read, each once, then those of descriptors and initial states."""
        used: dict[str, Graph] = {}
        for tail in (self.plan.training, self.plan.inference):
            for node in tail.graph.nodes:
                if node.op in TRAINING_OPS:
                    names = [n for n in node.inputs if n and tail.graph.is_constant(n)]
                    used.update((self.constants[name], tail.graph) for name in names)
        found = [constant_array(name, self.name, graph) for name, graph in used.items()]
        found += [array for call in (*self.training, *self.inference) for array in call.arrays]
        return found + [p.initial for p in self.parameters if p.initial]

    @cached_property
    def kernel_files(self) -> list[str]:
        """Kernel sources and that of checkpoints, relative to runtime/, each once."""
        files = list(self.frozen.kernel_files) if self.frozen else []
        for tail in (self.plan.training, self.plan.inference):
            for node in tail.graph.nodes:
                files += _sources(tail.kernels[node.name])
        return [*dict.fromkeys(files), _CHECKPOINT]

    @cached_property
    def frozen(self) -> Emission | None:
        """The emission of the frozen part, whose arena is that of the whole."""
        if self.plan.frozen is None:
            return None
        graph, planned = self.plan.frozen
        return Emission(graph, replace(planned, arena=self.plan.arena))

    @property
    def sources(self) -> list[str]:
        """Every file to compile, relative to the export folder."""
        own = [f"{self.name}.c"]
        if self.frozen:
            own += [f"{self.frozen.name}.c", f"{self.frozen.name}_weights.c"]
        return [*own, *(f"edge/{file}" for file in self.kernel_files)]


def _described(site: Site) -> Descriptor:
    if site.node.op in TRAINING_OPS:
        return describe_training(site)
    step = PlanStep(site.node.name, site.chosen.kernel, site.chosen.rows)
    return describe(site.graph, site.node, step, site.prefix)


def _sources(chosen: Chosen) -> list[str]:
    if chosen.kernel == ALIAS:
        return []
    return [f"kernels/{file}" for file in (f"{chosen.kernel}.c", *chosen.sources)]


def _shape(graph: Graph, name: str) -> str:
    tensor = graph.type(name)
    return f"{tensor.dtype}[{', '.join(map(str, tensor.shape))}]"


def _slots(graph: Graph, node: Node, kernel: str, places: dict[str, str]) -> Iterator[str]:
    """edge_rows initializers: the inputs, then the outputs but the first."""
    op = TRAINING_OPS.get(node.op)
    if op is None:
        yield from _plain_slots(graph, node, kernel, places)
        return
    names = [*node.inputs, *("" for _ in range(len(op.inputs) - len(node.inputs)))]
    extra = [*node.outputs[1:], *("" for _ in range(len(op.outputs) - len(node.outputs)))]
    for name in (*names, *extra):
        yield f"{places[name]}, 0, 1, 1" if name else "NULL, 0, 1, 1"


def _plain_slots(graph: Graph, node: Node, kernel: str, places: dict[str, str]) -> Iterator[str]:
    """Window kernels see rows, others the whole tensor as one."""
    declared = OPS[node.op].inputs
    many = declared[0].endswith("*")
    by_rows = OPS[node.op].rows is RowRule.WINDOW and not kernel_named(kernel, node.op).flat
    for slot, name in enumerate(node.inputs):
        if many or declared[slot] in "xab":
            tensor = graph.type(name)
            count = row_count(tensor) if by_rows else 1
            yield f"{places[name]}, {tensor.nbytes // count}, {count}, {count}"


def emit_step(plan: StepPlan, target: str, scores_only: bool = False) -> Files:
    """All files of an export that trains. The same plan always gives the same bytes.

    With `scores_only` the trainables are no outputs of the model.
    """
    emission = StepEmission(plan, target)
    name = emission.name
    view, content = _view(emission), plan_json(emission)
    if scores_only:
        view["outputs"], content["outputs"] = view["outputs"][:1], content["outputs"][:1]
    files: Files = {
        f"{name}.h": render("training/model.h.j2", view),
        f"{name}.c": render("training/model.c.j2", view),
        "test/edge_model.h": render("project/test_model.h.j2", view),
    }
    if emission.frozen:
        part = model_view(emission.frozen, name)
        for ending in (".h", ".c", "_weights.h", "_weights.c"):
            template = {".h": "model.h.j2", ".c": "model.c.j2"}.get(ending, f"{ending[1:]}.j2")
            files[f"{emission.frozen.name}{ending}"] = render(f"project/{template}", part)
    files |= dict(runtime_files(emission.kernel_files))
    files["plan.json"] = to_json(content)
    files["graph.ir"] = to_text(plan.step.graph)
    return files


def _view(emission: StepEmission) -> dict[str, Any]:
    plan, graph = emission.plan, emission.plan.step.graph
    target = graph.inputs[-1]
    return {
        "name": emission.name,
        "macro": emission.name.upper(),
        "guard": f"EDGE_TRAINING_{emission.name.upper()}",
        "target": emission.target,
        "version": __version__,
        "arena_bytes": plan.arena,
        "trainable_bytes": plan.trainables,
        "model_hash": model_hash(graph),
        "frozen": emission.frozen.name if emission.frozen else "",
        "inputs": [_port(graph, name) for name in graph.inputs],
        "outputs": [
            _port(graph, graph.outputs[0]),
            *({"bytes": p.nbytes} for p in emission.parameters),
            *replay_ports(plan),
            *skip_ports(plan),
        ],
        "states": True,
        "input_rows": 0,
        "wanted": _port(graph, target),
        "classes": graph.type(graph.outputs[0]).elements if target == "label" else 0,
        "output": _port(graph, graph.outputs[0]),
        "parameters": emission.parameters,
        "arrays": emission.arrays,
        "calls": [*emission.training, *emission.inference],
        "training": emission.training,
        "inference": emission.inference,
        "moves": {"training": plan.moves(plan.training), "inference": plan.moves(plan.inference)},
        "scores": {part: tail.offsets[_owner(tail)] for part, tail in _tails(plan)},
        "direct": plan.source_of(plan.boundary[0]),
        "replay": _replay_view(plan),
        "easy": plan.step.settings.easy,
        "cooling": plan.step.settings.cooling,
    }


def _replay_view(plan: StepPlan) -> dict[str, Any] | None:
    """How a kept sample gets out of the arena and back; None where none is kept."""
    settings = plan.step.settings
    if not settings.replay:
        return None
    sizes = [plan.step.graph.type(name).nbytes for name in plan.boundary]
    starts = accumulate(sizes, initial=0)
    parts = zip(starts, map(plan.source_of, plan.boundary), sizes, strict=False)
    return {
        "count": settings.replay, "replays": settings.replays, "seed": settings.seed,
        "bytes": plan.sample_bytes,
        "parts": [{"at": at, "place": place, "size": size} for at, place, size in parts],
    }  # fmt: skip


def replay_ports(plan: StepPlan) -> list[dict[str, Any]]:
    """The outputs behind the trainables: kept samples, their labels, how many were seen, drawn."""
    count = plan.step.settings.replay
    shapes = {
        "replay_samples": ("uint8", (count, plan.sample_bytes), count * plan.sample_bytes),
        "replay_labels": ("int16", (count,), count * LABEL_BYTES),
        "replay_counts": ("uint32", (2,), RESERVOIR_BYTES),
    }
    return [
        {"name": name, "dtype": dtype, "shape": list(shape), "bytes": nbytes}
        for name, (dtype, shape, nbytes) in shapes.items()
        if count
    ]


def skip_ports(plan: StepPlan) -> list[dict[str, Any]]:
    """The last output: how many steps were left out because their sample was easy."""
    port = {"name": "skipped", "dtype": "uint32", "shape": [1], "bytes": 4}
    return [port] if plan.step.settings.easy else []


def _tails(plan: StepPlan) -> tuple[tuple[str, Tail], ...]:
    return ("training", plan.training), ("inference", plan.inference)


def _owner(tail: Tail) -> str:
    return shared_bytes(tail.graph)[tail.graph.outputs[0]]


def _port(graph: Graph, name: str) -> dict[str, Any]:
    tensor = graph.type(name)
    quantization = tensor.quantization
    return {
        "name": name,
        "shape": tensor.shape,
        "type": _shape(graph, name),
        "dtype": str(tensor.dtype),
        "c_type": _C_TYPES[str(tensor.dtype)],
        "scale": quantization.scale[0] if quantization else None,
        "zero_point": quantization.zero_point[0] if quantization else None,
        "bytes": tensor.nbytes,
    }


def model_hash(graph: Graph) -> int:
    """What tells checkpoints of one step from those of another."""
    return zlib.crc32(to_text(graph).encode())


def plan_json(emission: StepEmission) -> dict[str, Any]:
    """The content of plan.json: what a build, a runner and a reader need to know."""
    plan, graph = emission.plan, emission.plan.step.graph
    *inputs, target = graph.inputs
    trained = [
        {
            "name": s.read,
            "dtype": str(s.initial.dtype),
            "shape": list(s.initial.shape),
            "bytes": s.initial.nbytes,
        }
        for s in graph.states
    ]
    settings = plan.step.settings
    return {
        "schema": 1,
        "kind": "training",
        "name": emission.name,
        "target": emission.target,
        "rounding": str(graph.rounding),
        "arena": plan.arena,
        "bound": max(plan.training.bound, plan.inference.bound),
        "trainables": plan.trainables,
        **asdict(settings),
        "scheme": {
            "biases": sorted(plan.step.scheme.biases),
            "weights": dict(sorted(plan.step.scheme.weights.items())),
        },
        "inputs": [_port(graph, name) for name in (*inputs, target)],
        "outputs": [
            _port(graph, graph.outputs[0]),
            *trained,
            *replay_ports(plan),
            *skip_ports(plan),
        ],
        "states": trained,
        "stages": [],
        "layers": [],
        "offsets": {part: dict(tail.offsets) for part, tail in _tails(plan)},
        "sources": emission.sources,
    }


def total_bytes(arrays: Sequence[ConstArray]) -> int:
    return sum(math.prod(array.data.shape) * array.data.itemsize for array in arrays)
