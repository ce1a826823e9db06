"""A planned graph becomes the files of an export folder, in memory: path -> content.

The same graph and plan always give the same bytes: no dates, host names or absolute paths.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from edge import __version__, resources
from edge.emit.beside import dense_beside
from edge.emit.c_text import ConstArray
from edge.emit.calls import StageCode, stage_code
from edge.emit.layers import Layer, c_name, layer_view
from edge.emit.shared_arrays import shared_arrays
from edge.emit.states import StateCode, renewals, state_codes
from edge.emit.templates import render
from edge.ir import Graph, macs, to_text
from edge.ir.types import Array
from edge.planning.choice import kernel_named
from edge.planning.kernels import INPUT
from edge.planning.plan import Plan

Files = dict[str, str | bytes]

_SHARED_FROM = 64  # bytes of constants that are looked for twice

_TEMPLATES = {
    "{name}.h": "project/model.h.j2",
    "{name}.c": "project/model.c.j2",
    "{name}_weights.h": "project/weights.h.j2",
    "{name}_weights.c": "project/weights.c.j2",
    "CMakeLists.txt": "project/CMakeLists.txt.j2",
    "README.md": "project/README.md.j2",
    "test/edge_model.h": "project/test_model.h.j2",
    "test/verify_main.c": "project/verify_main.c.j2",
}


@dataclass(frozen=True, eq=False)
class Port:
    """An input or output of the model, as headers and plan.json describe it."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    c_type: str
    scale: float | None
    zero_point: int | None
    bytes: int
    offset: int

    @property
    def type(self) -> str:
        return f"{self.dtype}[{', '.join(map(str, self.shape))}]"


@dataclass(frozen=True, eq=False)
class Emission:
    """The view model of one export, shared by all templates."""

    graph: Graph
    plan: Plan

    @cached_property
    def name(self) -> str:
        return c_name(self.plan.model)

    @cached_property
    def stages(self) -> list[list[Layer]]:
        """The layers of each stage."""
        return [
            [
                layer_view(self.graph, self.plan, stage, step, self.name)
                for step in stage.steps
                if step.kernel != INPUT
            ]
            for stage in self.plan.stages
        ]

    @cached_property
    def code(self) -> list[StageCode]:
        """The C of each stage."""
        return [
            stage_code(self.graph, self.plan, index, layers)
            for index, layers in enumerate(self.stages)
        ]

    @cached_property
    def layers(self) -> list[Layer]:
        return [layer for stage in self.stages for layer in stage]

    @cached_property
    def arrays(self) -> list[ConstArray]:
        """The constants in flash; what another one holds is left out."""
        return [array for array in self._constants if array.name not in self.renamed]

    @cached_property
    def renamed(self) -> dict[str, str]:
        """The arrays with which another one begins, or is the same, by the name of that one."""
        large = [array for array in self._constants if array.data.nbytes >= _SHARED_FROM]
        same = shared_arrays({array.name: array.data for array in large})
        return {name: kept for name, kept in same.items() if name != kept}

    @cached_property
    def _constants(self) -> list[ConstArray]:
        initial = (state.initial for state in self.states if state.initial)
        return [*(array for layer in self.layers for array in layer.arrays), *initial]

    @cached_property
    def states(self) -> list[StateCode]:
        return state_codes(self.graph, self.plan, self.name)

    @cached_property
    def kernel_files(self) -> list[str]:
        """The kernel sources in use, relative to runtime/, each once, in order of first use."""
        return list(dict.fromkeys(file for layer in self.layers for file in _files(layer)))

    @property
    def sources(self) -> list[str]:
        """Every file to compile, relative to the export folder."""
        kernels = [f"edge/{file}" for file in self.kernel_files]
        return [f"{self.name}.c", f"{self.name}_weights.c", *kernels]

    def ports(self, names: Sequence[str]) -> list[Port]:
        return [_port(self.graph, self.plan, name) for name in names]


def _files(layer: Layer) -> Iterator[str]:
    if layer.step.kernel == "alias":
        return
    yield f"kernels/{layer.step.kernel}.c"
    kernel = kernel_named(layer.step.kernel, layer.node.op)
    yield from (f"kernels/{file}" for file in kernel.sources)


_C_TYPES = {"float32": "float", "bool": "uint8_t"}


def _port(graph: Graph, plan: Plan, name: str) -> Port:
    tensor = graph.type(name)
    quantization = tensor.quantization
    return Port(
        name,
        tensor.shape,
        str(tensor.dtype),
        _C_TYPES.get(tensor.dtype, f"{tensor.dtype}_t"),
        quantization.scale[0] if quantization else None,
        quantization.zero_point[0] if quantization else None,
        tensor.nbytes,
        plan.offsets[name],
    )


def emit(graph: Graph, plan: Plan, vectors: tuple[Sequence[Array], Sequence[Array]]) -> Files:
    """All files but report.json; `vectors` are inputs and outputs [N, ...] of each port."""
    emission = Emission(graph, plan)
    view = model_view(emission)
    files: Files = {
        path.format(name=emission.name): render(template, view)
        for path, template in _TEMPLATES.items()
    }
    if plan.input_rows:
        files["test/frame.c"] = render("project/frame.c.j2", view)
    files |= dict(runtime_files(emission.kernel_files))
    files |= dict(_vector_files(*vectors))
    files["plan.json"] = to_json(plan_json(emission))
    files["graph.ir"] = to_text(graph)
    return files


def model_view(emission: Emission, arena: str = "") -> dict[str, Any]:
    """What the templates of a model show; `arena` names another model whose arena it works in."""
    graph, plan = emission.graph, emission.plan
    inputs, outputs = emission.ports(graph.inputs), emission.ports(graph.outputs)
    return {
        "name": emission.name,
        "macro": emission.name.upper(),
        "guard": f"EDGE_MODEL_{emission.name.upper()}",
        "target": plan.target,
        "version": __version__,
        "macs": f"{sum(macs(graph, node) for node in graph.nodes):,}",
        "arena_bytes": plan.arena,
        "arena": arena or emission.name,
        "inputs": inputs,
        "outputs": outputs,
        "simple": len(inputs) == len(outputs) == 1,
        "says_tokens": graph.inputs == ("token",) and any(n.op == "argmax" for n in graph.nodes),
        "layers": emission.layers,
        "stages": emission.code,
        "turns": [code.turns for code in emission.code if code.turns],
        "input_rows": plan.input_rows,
        "states": emission.states,
        "renewals": renewals(graph, plan),
        "arrays": emission.arrays,
        "renamed": emission.renamed,
        "sources": emission.sources,
        "assembly": any(source.endswith(".S") for source in emission.sources),
    }


def runtime_files(kernel_files: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The headers, the kernels in use, and the headers that lie beside those kernels."""
    runtime = resources.path("runtime")
    folders = dict.fromkeys(file.rpartition("/")[0] for file in kernel_files)
    headers = sorted(runtime.glob("include/edge/*.h"))
    headers += [path for folder in folders for path in sorted((runtime / folder).glob("*.h"))]
    used = [*headers, *(runtime / file for file in kernel_files)]
    headers += [path for path in _shared_headers(used) if path not in headers]
    files = [path.relative_to(runtime).as_posix() for path in headers]
    files += kernel_files
    yield from ((f"edge/{file}", (runtime / file).read_text()) for file in files)


_SHARED = re.compile(r'#include "[.][.]/(\w+/\w+[.]h)"')


def _shared_headers(files: Sequence[Path]) -> list[Path]:
    """The headers of other kernel folders that these files include."""
    shared = [
        file.parents[1] / name for file in files for name in _SHARED.findall(file.read_text())
    ]
    return list(dict.fromkeys([*shared, *(_shared_headers(shared) if shared else [])]))


def _vector_files(
    inputs: Sequence[Array], outputs: Sequence[Array]
) -> Iterator[tuple[str, str | bytes]]:
    view = {
        "count": len(inputs[0]),
        "inputs": ConstArray("vector_inputs", _interleaved(inputs)),
        "outputs": ConstArray("vector_outputs", _interleaved(outputs)),
    }
    yield "test/vectors.h", render("project/vectors.h.j2", view)
    for index, array in enumerate(inputs):
        buffer = io.BytesIO()
        np.save(buffer, array, allow_pickle=False)
        yield f"test/input_{index}.npy", buffer.getvalue()


def _interleaved(ports: Sequence[Array]) -> Array:
    """All ports of vector 0, then all of vector 1, ..., as int8."""
    count = len(ports[0])
    flat = [np.ascontiguousarray(p).view(np.int8).reshape(count, -1) for p in ports]
    return np.concatenate(flat, axis=1).reshape(-1)


def to_json(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=1) + "\n"


def plan_json(emission: Emission) -> dict[str, Any]:
    """The content of plan.json: the plan, the ports and everything a build needs to know."""
    graph, plan = emission.graph, emission.plan
    return {
        "schema": 1,
        "name": emission.name,
        "target": plan.target,
        "rounding": str(graph.rounding),
        "arena": plan.arena,
        "bound": plan.bound,
        "input_rows": plan.input_rows,
        "inputs": [asdict(port) for port in emission.ports(graph.inputs)],
        "outputs": [asdict(port) for port in emission.ports(graph.outputs)],
        "states": [
            {"name": state.name, "bytes": state.bytes, "offset": state.offset}
            for state in emission.states
        ],
        "stages": [asdict(stage) for stage in plan.stages],
        "offsets": dict(plan.offsets),
        "scratch_offsets": {str(k): v for k, v in plan.scratch_offsets.items()},
        "sums": dict(plan.sums),
        "layers": layers_json(emission),
        "sources": emission.sources,
    }


def layers_json(emission: Emission) -> list[dict[str, Any]]:
    """One record a layer: name, op, kernel, macs, weight_bytes, sparsity, where.

    `dense` is what a layer run by a sparse kernel would be without, None for others.
    """
    return [_layer_json(emission.graph, index, layer)
            for index, stage in enumerate(emission.stages) for layer in stage]  # fmt: skip


def _layer_json(graph: Graph, stage: int, layer: Layer) -> dict[str, Any]:
    weights = [a for a in layer.arrays if a.name.endswith("_weights")]
    return {
        "name": layer.node.name,
        "op": layer.node.op,
        "kernel": layer.step.kernel,
        "stage": stage,
        "macs": macs(graph, layer.node),
        "weight_bytes": sum(array.data.nbytes for array in layer.arrays),
        "sparsity": _sparsity(weights, graph, layer),
        "dense": dense_beside(graph, layer),
        "scratch": layer.step.scratch,
        "output": layer.node.output,
        "where": layer.node.where,
    }


def _sparsity(weights: list[ConstArray], graph: Graph, layer: Layer) -> float:
    """Fraction of the weights that are zero; 0 for layers without weights."""
    if not weights:
        return 0.0
    return round(float(np.mean(graph.constant(layer.node.inputs[1]) == 0)), 6)
