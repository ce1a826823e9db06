"""The arguments of one torch operator call by name, omitted defaults filled in from its schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edge.frontends.torch_export.diagnostics import unsupported
from edge.frontends.torch_export.operands import Constant, Operand, Tensor


@dataclass(frozen=True, eq=False)
class Arguments:
    """`values` by schema name, tensors as operands; `shape` is torch's shape of the result."""

    values: Mapping[str, Any]
    shape: tuple[int, ...]

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def get(self, name: str, default: Any = None) -> Any:
        return self.values.get(name, default)

    def tensor(self, name: str) -> Tensor:
        value = self.values[name]
        if not isinstance(value, Tensor):
            raise unsupported(f"{name} must be a computed tensor, not a constant")
        return value

    def constant(self, name: str) -> Constant:
        value = self.values[name]
        if not isinstance(value, Constant):
            raise unsupported(f"{name} must be a parameter or constant, not a computed tensor")
        return value

    def optional_constant(self, name: str) -> Constant | None:
        return None if self.values[name] is None else self.constant(name)

    def ints(self, name: str, count: int) -> tuple[int, ...]:
        """An int list; torch lets a single number stand for all."""
        value = self.values[name]
        numbers = tuple(value) if isinstance(value, Sequence) else (value,)
        return numbers * count if len(numbers) == 1 else numbers

    def require(self, name: str, *allowed: Any) -> None:
        """Refuse values that the graph cannot express. A missing argument is accepted."""
        if name in self.values and self.values[name] not in allowed:
            expected = " or ".join(map(repr, allowed))
            raise unsupported(f"{name}={self.values[name]!r} (only {expected})")


def bind(schema: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Positional and keyword arguments by schema name; `schema` is a torch FunctionSchema."""
    bound = {argument.name: argument.default_value for argument in schema.arguments}
    bound.update(zip(bound, args, strict=False))
    bound.update(kwargs)
    return bound


def operands(value: Any) -> list[Operand]:
    """The operands among an argument, lists searched."""
    if isinstance(value, Tensor | Constant):
        return [value]
    if isinstance(value, list | tuple):
        return [operand for item in value for operand in operands(item)]
    return []
