"""LiteRT's reference kernels, the outside oracle of imported .tflite models.

Only the reference kernels serve: the optimized built-ins and the default delegate round otherwise.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edge.errors import fail
from edge.ir.types import Array

REFERENCE_KERNELS = "BUILTIN_REF"
_MODULES = ("ai_edge_litert.interpreter", "tflite_runtime.interpreter")


def run_litert(
    model: bytes | Path, inputs: Sequence[Array], kernels: str = REFERENCE_KERNELS
) -> list[Array]:
    """The outputs of a .tflite model, each leading with the samples.

    Each input is [samples, ...] for a model input [1, ...]. Raises EdgeError E0406 if no
    interpreter is installed, E0006 if the model or an input is not accepted.
    """
    interpreter = litert_interpreter(model, kernels)
    details = interpreter.get_input_details(), interpreter.get_output_details()
    rows = [
        _invoke(interpreter, *details, [x[i : i + 1] for x in inputs])
        for i in range(len(inputs[0]))
    ]
    return [np.concatenate(column) for column in zip(*rows, strict=True)]


def litert_interpreter(model: bytes | Path, kernels: str = REFERENCE_KERNELS) -> Any:
    """An interpreter with allocated tensors, on one thread, that keeps intermediate tensors.

    `kernels` is a name of OpResolverType.
    """
    module = _module()
    content = {"model_content": model} if isinstance(model, bytes) else {"model_path": str(model)}
    try:
        interpreter = module.Interpreter(
            **content,
            experimental_op_resolver_type=getattr(module.OpResolverType, kernels),
            experimental_preserve_all_tensors=True,
            num_threads=1,
        )
        interpreter.allocate_tensors()
    except (RuntimeError, ValueError) as error:
        raise fail("E0006", f"LiteRT does not accept the model: {error}") from error
    return interpreter


def _module() -> Any:
    for name in _MODULES:
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    raise fail(
        "E0406", "no LiteRT interpreter is installed", help=["pip install 'edge-nn[litert]'"]
    )


def _invoke(
    interpreter: Any,
    in_details: Sequence[dict[str, Any]],
    out_details: Sequence[dict[str, Any]],
    inputs: Sequence[Array],
) -> list[Array]:
    try:
        for detail, x in zip(in_details, inputs, strict=True):
            interpreter.set_tensor(detail["index"], x.reshape(detail["shape"]))
        interpreter.invoke()
    except (RuntimeError, ValueError) as error:
        raise fail("E0006", f"LiteRT does not accept the input: {error}") from error
    return [interpreter.get_tensor(detail["index"]) for detail in out_details]
