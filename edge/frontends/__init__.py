"""Front ends: a model in one of the accepted forms becomes a graph. Nothing is quantized here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge.errors import fail
from edge.ir import Graph, Rounding

_FORMS = (
    "a .tflite file",
    "a .pt2 file written by torch.export.save",
    "package.module:function returning (module, example_inputs)",
)


@dataclass(frozen=True, eq=False)
class Model:
    """An imported model; `tflite` keeps the file so that LiteRT can serve as an outside oracle.

    `beside` are files that an export keeps beside its C: the tokenizer of a language model.
    """

    graph: Graph
    tflite: bytes | None = None
    beside: Mapping[str, bytes] = field(default_factory=dict)


def load(source: Any, rounding: Rounding | None = None) -> Model:
    """Import a model.

    `source` is a path to a .tflite or .pt2 file, a string "package.module:function", a
    torch.export.ExportedProgram, a (torch.nn.Module, example_inputs) pair, a Graph or a Model.
    `rounding` overrides the arithmetic (tflite for .tflite files, single for torch).
    Raises EdgeError for anything else, and for models that cannot be imported.
    """
    if isinstance(source, Model):
        return source
    if isinstance(source, Graph):
        return Model(source)
    if isinstance(source, str | Path):
        return _load_text(str(source), rounding)
    return Model(_load_torch(source))


def _load_text(source: str, rounding: Rounding | None) -> Model:
    path = Path(source)
    if path.suffix == ".tflite":
        return _load_tflite(path, rounding or Rounding.TFLITE)
    if path.suffix == ".pt2":
        from edge.frontends.torch_export import load_pt2, load_torch

        _require_file(path)
        return Model(load_torch(load_pt2(path), path.stem))
    if ":" in source:
        from edge.frontends.torch_export import load_callable, load_torch

        name = source.rpartition(":")[0].rpartition(".")[2]
        return Model(load_torch(load_callable(source), name))
    _require_file(path)
    raise fail(
        "E0002", f"{source} is not a model Edge can read", help=[f"give {f}" for f in _FORMS]
    )


def _require_file(path: Path) -> None:
    if not path.is_file():
        raise fail("E0001", f"no such model file: {path}", help=[f"give {form}" for form in _FORMS])


def _load_tflite(path: Path, rounding: Rounding) -> Model:
    from edge.frontends.tflite import load_tflite

    _require_file(path)
    content = path.read_bytes()
    return Model(load_tflite(content, path.stem, rounding), content)


def require_torch() -> None:
    """Raise EdgeError E0407 where torch is not installed."""
    try:
        import torch  # noqa: F401
    except ImportError as error:
        raise fail(
            "E0407", "this model needs torch", help=["pip install 'edge-nn[torch]'"]
        ) from error


def _load_torch(source: Any) -> Graph:
    require_torch()
    import torch

    from edge.frontends.torch_export import export_module, load_torch

    if isinstance(source, torch.export.ExportedProgram):
        return load_torch(source)
    if isinstance(source, tuple) and len(source) == 2 and isinstance(source[0], torch.nn.Module):
        return load_torch(export_module(*source), type(source[0]).__name__.lower())
    raise fail(
        "E0002", f"a {type(source).__name__} is not a model Edge can read",
        help=["give a torch.export.ExportedProgram or (module, example_inputs)", *_FORMS],
    )  # fmt: skip
