"""The layers of a model that a method tunes: found by name, exchanged, put back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from torch import nn

from edge.errors import fail

Layer = TypeVar("Layer", bound=nn.Module)
_NAMED = 12  # layers that an error lists


def swap(model: nn.Module, name: str, layer: nn.Module) -> None:
    """Put a layer in the place of another."""
    owner, _, leaf = name.rpartition(".")
    setattr(model.get_submodule(owner), leaf, layer)


def layers_named(
    model: nn.Module, targets: Sequence[str], kind: type[Layer] | tuple[type[Layer], ...]
) -> dict[str, Layer]:
    """The layers of a kind whose name is one of `targets` or ends with one, in order.

    Raises EdgeError E0081 if there is none.
    """
    layers = {name: m for name, m in model.named_modules() if name and isinstance(m, kind)}
    found = {n: m for n, m in layers.items() if any(f".{n}".endswith(f".{t}") for t in targets)}
    if not found:
        leaves = list(dict.fromkeys(name.rpartition(".")[2] for name in layers))[:_NAMED]
        raise fail(
            "E0081", f"{type(model).__name__} has no layers {', '.join(targets)}",
            help=[f"its layers: {', '.join(leaves) or 'none of this kind'}"],
        )  # fmt: skip
    return found


def block_of(name: str) -> str:
    """The block that a layer is in: its name up to the first number, which counts blocks."""
    parts = name.split(".")
    numbers = [i for i, part in enumerate(parts) if part.isdigit()]
    return ".".join(parts[: numbers[0] + 1]) if numbers else name
