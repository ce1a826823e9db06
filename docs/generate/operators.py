"""Which operators run on which target, and what the front ends import, from the tables."""

from __future__ import annotations

from edge.frontends.tflite.converters import CONVERTERS as TFLITE
from edge.frontends.torch_export.convert import CONVERTERS as TORCH
from edge.ir import OPS
from edge.planning.choice import kernels_in
from edge.target import load_target, targets
from edge.training.rules import RULES
from generate.markdown import code, table


def page() -> str:
    """Operators by kernel folders of the targets, then those of torch and .tflite."""
    return "\n".join(("# Operators\n", _on_targets(), _imported(), _kernels()))


def _folders() -> dict[tuple[str, ...], list[str]]:
    """Targets by the folders of kernels they use."""
    found: dict[tuple[str, ...], list[str]] = {}
    for target in map(load_target, targets()):
        found.setdefault(target.kernels, []).append(target.name)
    return found


def _on_targets() -> str:
    groups = _folders()
    rows = [
        (f"`{op}`", *(_fastest(op, folders) for folders in groups), _gradient(op)) for op in OPS
    ]
    columns = ("operator", *(", ".join(names) for names in groups.values()), "gradient")
    text = (
        "For each target the folders of kernels that can run an operator, best first; a dash is an "
        "operator that only imports, because a pass turns it into others.\n"
    )
    return f"## On each target\n\n{text}\n{table(columns, rows)}"


def _fastest(op: str, folders: tuple[str, ...]) -> str:
    names = (kernel.name.partition("/")[0] for kernel in kernels_in(folders) if kernel.op == op)
    return ", ".join(dict.fromkeys(names)) or "-"


def _gradient(op: str) -> str:
    return "yes" if op in RULES else ""


def _imported() -> str:
    return (
        "## Imported\n\nFrom torch (`torch.export`, before decomposition): "
        f"{code(sorted(TORCH))}.\n\nFrom `.tflite`: {code(sorted(TFLITE))}.\n"
    )


def _kernels() -> str:
    folders = dict.fromkeys(folder for group in _folders() for folder in group)
    rows = [
        (
            f"`{folder}`",
            code(sorted({k.name.partition("/")[2] for k in kernels_in([folder])} - {""})),
        )
        for folder in folders
    ]
    return f"## Kernels\n\n{table(('folder of runtime/kernels', 'kernels'), rows)}"
