"""Operators on constants are computed once, at import, by torch itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from edge.frontends.torch_export.operands import Constant, Operand, Tensor
from edge.frontends.torch_export.signature import to_numpy

_PERMUTATIONS = frozenset(
    {"aten.permute.default", "aten.transpose.int", "aten.t.default", "aten.numpy_T.default"}
)


def can_fold(target: Any, found: Sequence[Operand]) -> bool:
    """Whether a call depends on nothing that is computed. Quantization has converters for that."""
    computed = any(isinstance(operand, Tensor) for operand in found)
    is_operator = isinstance(target, torch._ops.OpOverload)
    return is_operator and not computed and not str(target).startswith("quantized_decomposed.")


def fold(name: str, target: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Operand:
    """The result as a constant. Transposed quantized weights stay quantized."""
    if str(target) in _PERMUTATIONS and args[0].quantization is not None:
        return _permuted(target, args[0], args[1:])
    values = {key: _tensor(argument) for key, argument in kwargs.items()}
    return _constants(name, target(*map(_tensor, args), **values))


def _permuted(target: Any, constant: Constant, args: Sequence[Any]) -> Constant:
    """A tensor whose sizes are its dimension numbers shows how the operator permutes them."""
    numbered = torch.empty(tuple(range(len(constant.shape))))
    return constant.transposed(tuple(target(numbered, *args).shape))


def _tensor(argument: Any) -> Any:
    if isinstance(argument, list | tuple):
        return [_tensor(item) for item in argument]
    return torch.from_numpy(argument.real.copy()) if isinstance(argument, Constant) else argument


def _constants(name: str, result: Any) -> Operand:
    if isinstance(result, torch.Tensor):
        return Constant(name, to_numpy(result))
    return tuple(_constants(f"{name}_{i}", item) for i, item in enumerate(result))
