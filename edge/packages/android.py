"""android: a Gradle library module with prebuilt libraries, and the same as an AAR.

src/main/java        the wrapper: sizes checked, AutoCloseable, one lock for the static memory
src/main/kotlin      classify(): real values in, the best class out
src/main/cpp         JNI and, per ABI, the C
prebuilt/ABI         lib<name>.so, without needed libraries, for 16 KB pages
check/               runs stored inputs in any JVM
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from edge import __version__
from edge.emit.project import Files
from edge.emit.templates import render
from edge.errors import fail
from edge.packages.archive import aar, compiled_java
from edge.packages.example import Example
from edge.packages.kinds import KINDS
from edge.packages.microcontroller import source_path
from edge.packages.shared_library import shared_library
from edge.packages.subject import Subject
from edge.packages.templates import rendered

ABIS = {"arm64-v8a": "android-arm64", "x86_64": "android-x86_64"}
"""The targets of Android's ABIs; an export for another CPU of an ABI takes the place of its own."""

_CPUS = {"aarch64-android": "arm64-v8a", "x86_64-android": "x86_64"}
_JAVA = {
    "int8": ("byte", ""), "uint8": ("byte", ""), "bool": ("byte", ""),
    "int16": ("short", ".asShortBuffer()"), "int32": ("int", ".asIntBuffer()"),
    "float32": ("float", ".asFloatBuffer()"),
}  # fmt: skip
_GETTERS = {
    "byte": ("get", ("", "")), "short": ("getShort", ("", "")), "int": ("getInt", ("", "")),
    "float": ("getFloat", ("Float.floatToRawIntBits(", ")")),
}  # fmt: skip
_KOTLIN, _CPP = "src/main/kotlin/", "src/main/cpp/"

View = dict[str, Any]


def package(subject: Subject) -> Files:
    """The module, the libraries of each ABI and the AAR.

    Raises EdgeError: E0052 for a target that is not Android's or an input given by rows, E0401
    without a compiler for C or Java.
    """
    _check_fit(subject)
    models = _models(subject)
    view = _view(subject)
    files = rendered("android", view)
    if not view["kotlin"]:
        files = {path: text for path, text in files.items() if not path.startswith(_KOTLIN)}
    state = render("packages/npm/state.c.j2", view) if subject.trains else ""
    for abi, model in models.items():
        files |= _sources(f"{_CPP}{abi}/", model, state)
    libraries = {
        f"{abi}/lib{subject.name}.so": shared_library(model, _glue(files, view), view["natives"])
        for abi, model in models.items()
    }
    files |= {f"prebuilt/{path}": content for path, content in libraries.items()}
    files |= _stored(subject)
    files[f"{subject.name}.aar"] = _aar(view, files, libraries)
    return files


def _check_fit(subject: Subject) -> None:
    if subject.target.cpu not in _CPUS:
        raise fail(
            "E0052", f"no android package for {subject.target.name}",
            help=[f"export with -t {' or '.join(ABIS.values())}; either packs all of these"],
        )  # fmt: skip
    if subject.plan.get("input_rows"):
        raise fail(
            "E0052", "no android package for an input that is given by rows",
            help=["export without --input rows: a phone has the memory of a frame"],
        )  # fmt: skip
    if subject.trains and subject.plan["loss"] != "cross_entropy":
        raise fail("E0052", "no android package for training towards anything but classes",
                   help=["train with the loss cross_entropy, or use the C"])  # fmt: skip


def _models(subject: Subject) -> dict[str, Subject]:
    own = _CPUS[subject.target.cpu]
    return {
        abi: subject if abi == own else subject.retarget(target) for abi, target in ABIS.items()
    }


def _sources(folder: str, model: Subject, state: str) -> Files:
    code = {folder + source_path(path): text for path, text in model.code.items()}
    return code | ({f"{folder}state.c": state} if state else {})


def _glue(files: Files, view: View) -> Files:
    """What a library holds beside the model."""
    jni = f"{view['name']}_jni.c"
    glue: Files = {jni: files[_CPP + jni]}
    return glue | ({"state.c": files[f"{_CPP}x86_64/state.c"]} if view["trains"] else {})


def _aar(view: View, files: Files, libraries: Mapping[str, bytes]) -> bytes:
    start = "src/main/java/"
    java = {
        path.removeprefix(start): str(text)
        for path, text in files.items()
        if path.startswith(start)
    }
    rules = str(files["consumer-rules.pro"])
    return aar(f"dev.edge.{view['package']}", compiled_java(java), rules, libraries)


def _stored(subject: Subject) -> Files:
    """The stored tensors of the check as bytes, little-endian."""
    names = {f"vector_{which}_": f"check/{which}_" for which in ("input", "output")}
    files: Files = {}
    for array in Example(subject).arrays:
        path = array.name.replace("vector_trained", "check/trained")
        for old, new in names.items():
            path = path.replace(old, new)
        files[f"{path}.bin"] = array.data.tobytes()
    return files


def _view(subject: Subject) -> View:
    inputs, outputs = (
        [_port(port, which, index, len(ports)) for index, port in enumerate(ports)]
        for which, ports in zip(("input", "output"), subject.ports, strict=True)
    )
    states, trains, name = bool(subject.plan["states"]), subject.trains, subject.name
    package_ = name.replace("_", "").lower()
    types = dict.fromkeys(port["type"] for port in (*inputs, *outputs))
    natives = ["input", "output", "invoke", *(["reset"] if states else []),
               *(["state", "save", "load"] if trains else [])]  # fmt: skip
    several = len(outputs) > 1
    return {
        "name": name,
        "macro": name.upper(),
        "package": package_,
        "mangled": package_,
        "class_": "".join(part.capitalize() for part in name.split("_")),
        "version": __version__,
        "support": str(KINDS["android"].support),
        "abis": list(ABIS),
        "assembly": any(path.endswith(".S") for path in subject.code),
        "compile_flags": " ".join(f for f in subject.target.flags["gcc"] if f.startswith("-m")),
        "inputs": inputs,
        "outputs": outputs,
        "result": "Outputs" if several else f"{outputs[0]['type']}[]",
        "types": [(name, *_GETTERS[name]) for name in types],
        "states": states,
        "trains": trains,
        "alone": states,
        "classes": outputs[0]["length"] if trains else 0,
        "kotlin": len(inputs) == 1 and not several and inputs[0]["type"] in ("byte", "float"),
        "natives": [f"Java_dev_edge_{package_}_Native_{native}" for native in natives],
        **Example(subject).view(),
    }


def _port(port: Mapping[str, Any], which: str, index: int, count: int) -> View:
    suffix = str(index) if count > 1 else ""
    kind, view = _JAVA[port["dtype"]]
    quantized = port["scale"] is not None
    return {
        **port,
        "suffix": suffix,
        "variable": f"{which}{suffix}",
        "constant": f"{which.upper()}{suffix}",
        "length": int(np.prod(port["shape"])),
        "type": kind,
        "view": view,
        "meaning": f": ({port['scale']:.6g}) * (value - ({port['zero_point']}))"
        if quantized
        else "",
    }
