"""npm: an ES module for browsers, workers, bundlers and Node, with the weights in its wasm."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from edge import __version__
from edge.emit.project import Files, to_json
from edge.emit.templates import render
from edge.errors import fail
from edge.ir.types import Array
from edge.packages.kinds import KINDS
from edge.packages.subject import Subject
from edge.packages.wasm_module import wasm_module
from edge.target import targets

_ARRAYS = {
    "int8": "Int8Array", "uint8": "Uint8Array", "bool": "Uint8Array", "int16": "Int16Array",
    "int32": "Int32Array", "float32": "Float32Array",
}  # fmt: skip
_RELAXED = "wasm32-relaxed"
_SCRIPTS = ("model.js", "index.js", "index.d.ts", "node.js", "worker.js", "worker.d.ts",
            "script.js", "selftest.mjs")  # fmt: skip
_TRAINING_SCRIPTS = ("storage.js", "storage.d.ts")

View = dict[str, Any]


def package(subject: Subject) -> Files:
    """package.json, scripts with their types, one or two modules and a test of the package.

    Raises EdgeError: E0052 if the export is for no wasm target, E0401 without a compiler for it.
    """
    if subject.target.cpu != "wasm32":
        raise fail(
            "E0052", f"an npm package needs a wasm target, not {subject.target.name}",
            help=["-t wasm32"],
        )  # fmt: skip
    relaxed = _relaxed(subject)
    view = _view(subject, relaxed is not None)
    files: Files = {f"{subject.name}.wasm": wasm_module(subject, _glue(subject, view))}
    if relaxed:
        files[f"{subject.name}.relaxed.wasm"] = wasm_module(relaxed, _glue(relaxed, view))
    scripts = _SCRIPTS + (_TRAINING_SCRIPTS if subject.trains else ())
    files |= {path: render(f"packages/npm/{path}.j2", view) for path in scripts}
    sizes = [(path, f"{len(content):,}") for path, content in files.items()]
    files["selftest.json"] = _vectors(*subject.vectors)
    files["package.json"] = to_json(_manifest(subject, view))
    files["README.md"] = render("packages/npm/README.md.j2", {**view, "sizes": sizes})
    return files


def _relaxed(subject: Subject) -> Subject | None:
    """The model for engines with relaxed SIMD, where that gives it other kernels."""
    if subject.target.name != "wasm32" or _RELAXED not in targets():
        return None
    other = subject.retarget(_RELAXED)
    return other if set(other.plan["sources"]) != set(subject.plan["sources"]) else None


def _glue(subject: Subject, view: View) -> Files:
    return {"state.c": render("packages/npm/state.c.j2", view)} if subject.trains else {}


def _view(subject: Subject, relaxed: bool) -> View:
    inputs, outputs = _ports(subject)
    trains = subject.trains
    return {
        "name": subject.name,
        "macro": subject.name.upper(),
        "package": _package_name(subject.name),
        "folder": "FOLDER",
        "version": __version__,
        "support": str(KINDS["npm"].support),
        "simd": "simd128" in subject.target.isa,
        "relaxed": relaxed,
        "trains": trains,
        "classes": _classes(subject),
        "has_reset": bool(subject.plan["states"]),
        "inputs": json.dumps(inputs),
        "outputs": json.dumps(outputs),
        "input_types": [_ARRAYS[port["dtype"]] for port in inputs],
        "output_types": [_ARRAYS[port["dtype"]] for port in outputs],
        "c_types": [f"{port['dtype']}_t" for port in (inputs[0], outputs[0])],
        "ports": [
            *(_port_line("input", port) for port in inputs),
            *(_port_line("output", port) for port in outputs),
        ],
        "first": inputs[0],
        "quantized": inputs[0]["scale"] is not None,
        "vectors": len(subject.vectors[0][0]),
        "remote": ["run", *(["reset"] if subject.plan["states"] else []),
                   *(["trainStep", "save", "load"] if trains else [])],
    }  # fmt: skip


def _ports(subject: Subject) -> tuple[list[View], list[View]]:
    """What a caller gives and gets; a training export shows its target and trainables elsewhere."""
    inputs, outputs = subject.plan["inputs"], subject.plan["outputs"]
    if subject.trains:
        inputs, outputs = inputs[:1], outputs[:1]
    return [_port(p) for p in inputs], [_port(p) for p in outputs]


def _port(port: Mapping[str, Any]) -> View:
    shape = list(port["shape"])
    return {
        "name": port["name"], "shape": shape, "dtype": port["dtype"],
        "length": int(np.prod(shape)), "scale": port["scale"], "zeroPoint": port["zero_point"],
    }  # fmt: skip


def _port_line(which: str, port: View) -> str:
    """A port in words: input image: int8[1, 28, 28, 1]."""
    return f"{which} {port['name']}: {port['dtype']}{port['shape']}"


def _classes(subject: Subject) -> int:
    """Classes of an export that trains on labels, 0 for others."""
    labels = subject.trains and subject.plan["loss"] == "cross_entropy"
    return int(np.prod(subject.plan["outputs"][0]["shape"])) if labels else 0


def _package_name(name: str) -> str:
    return name.lower().replace("_", "-").strip("-")


def _manifest(subject: Subject, view: View) -> View:
    """package.json. Condition "node" keeps node:fs away from bundlers."""
    name = subject.name
    entries: View = {
        ".": {"types": "./index.d.ts", "node": "./node.js", "default": "./index.js"},
        "./worker": {"types": "./worker.d.ts", "default": "./worker.js"},
    }
    if subject.trains:
        entries["./storage"] = {"types": "./storage.d.ts", "default": "./storage.js"}
    modules = [f"{name}.wasm", *([f"{name}.relaxed.wasm"] if view["relaxed"] else [])]
    entries |= {f"./{file}": f"./{file}" for file in ("script.js", *modules)}
    return {
        "name": view["package"],
        "version": "1.0.0",
        "description": f"The model {name} as WebAssembly",
        "license": "SEE LICENSE IN README.md",
        "type": "module",
        "sideEffects": ["./worker.js"],
        "exports": entries,
        "files": ["*.js", "*.d.ts", "*.wasm"],
        "engines": {"node": ">=20"},
    }


def _vectors(inputs: Sequence[Array], outputs: Sequence[Array]) -> str:
    """Each port's samples as base64."""
    return json.dumps({"inputs": _encoded(inputs), "outputs": _encoded(outputs)}) + "\n"


def _encoded(ports: Sequence[Array]) -> list[list[str]]:
    return [
        [base64.b64encode(np.ascontiguousarray(sample).tobytes()).decode() for sample in port]
        for port in ports
    ]
