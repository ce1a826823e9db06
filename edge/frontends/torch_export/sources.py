"""From what the user gives (module, dotted function, .pt2 file) to an exported program."""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import Any

import torch
from torch.export import ExportedProgram

from edge.errors import EdgeError, fail
from edge.frontends.torch_export.diagnostics import EXPORT
from edge.frontends.torch_export.location import is_library
from edge.silence import silenced

_CONTROL_FLOW = "what is computed must not depend on values: compute both branches and blend them"


def export_module(module: torch.nn.Module, example_inputs: Sequence[Any]) -> ExportedProgram:
    """Export a module in evaluation mode; its training flags are as before afterwards.

    Raises EdgeError E0106 with the line of the module that torch.export cannot trace.
    """
    inputs = example_inputs if isinstance(example_inputs, tuple) else (example_inputs,)
    with _evaluation(module), silenced():
        try:
            return torch.export.export(module, inputs)
        except (
            RuntimeError,
            TypeError,
            ValueError,
            AttributeError,
            IndexError,
            AssertionError,
        ) as error:
            raise _not_exportable(module, error) from error


@contextmanager
def _evaluation(module: torch.nn.Module) -> Iterator[None]:
    if isinstance(module, torch.fx.GraphModule):
        yield  # exported already: the mode was fixed then
        return
    flags = {child: child.training for child in module.modules()}
    module.eval()
    try:
        yield
    finally:
        for child, training in flags.items():
            child.training = training


def _not_exportable(module: torch.nn.Module, error: Exception) -> EdgeError:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    essential = lines[0] if lines else type(error).__name__
    name = type(module).__name__
    if "data-dependent" in essential:
        title = f"{name} takes a decision on the values of a tensor"
        return fail(EXPORT, title, _user_line(error), notes=[essential], help=[_CONTROL_FLOW])
    return fail(EXPORT, f"torch.export cannot trace {name}: {essential}", _user_line(error))


def _user_line(error: Exception) -> str:
    """The innermost line that is neither torch's nor ours."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if not is_library(f.filename) and f.filename != __file__]
    if not own:
        return ""
    return f"{PurePath(own[-1].filename).name}:{own[-1].lineno} in {own[-1].name}: {own[-1].line}"


def load_callable(reference: str) -> ExportedProgram:
    """Call "package.module:function", which returns (module, example_inputs), and export that.

    Raises EdgeError E0002 as `make_module`, E0106 if the module cannot be exported.
    """
    return export_module(*make_module(reference))


def make_module(reference: str) -> tuple[torch.nn.Module, Any]:
    """What "package.module:function" returns: a module and its example inputs.

    Modules in the current folder are found. Raises EdgeError E0002 if there is no such function or
    it returns something else.
    """
    path, _, attribute = reference.partition(":")
    function = getattr(_import(path, reference), attribute, None)
    if not callable(function):
        raise fail("E0002", f"module {path} has no function {attribute!r}")
    made = function()
    if not (isinstance(made, tuple) and len(made) == 2 and isinstance(made[0], torch.nn.Module)):
        raise fail(
            "E0002",
            f"{reference} returned {type(made).__name__}",
            help=["return (module, example_inputs), example_inputs being a tuple of tensors"],
        )
    return made


def _import(path: str, reference: str) -> Any:
    with _current_folder():
        try:
            return importlib.import_module(path)
        except (ImportError, ValueError) as error:
            raise fail("E0002", f"cannot import {path!r} of {reference}: {error}") from error


@contextmanager
def _current_folder() -> Iterator[None]:
    """Modules beside the user are importable, as with `python -m`."""
    folder = str(Path.cwd())
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.path.remove(folder)


def load_pt2(path: str | Path) -> ExportedProgram:
    """Read a file written by torch.export.save. Raises EdgeError E0002 if it is none."""
    with silenced():
        # Programs quantized by PT2E name operators that exist only after this import.
        importlib.import_module("torch.ao.quantization.fx._decomposed")
        try:
            program: ExportedProgram = torch.export.load(path)
        # A damaged file fails anywhere in torch's reader: zip, JSON, pickle, schema, tensor sizes.
        except Exception as error:
            reason = next(iter(str(error).splitlines()), type(error).__name__)
            raise fail(
                "E0002",
                f"torch {torch.__version__} cannot load {path}",
                notes=[reason],
                help=["write it with torch.export.save, by the same version of torch"],
            ) from error
    return program
