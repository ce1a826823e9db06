"""What the operators of a program are called, in torch's terms or ExecuTorch's, and their roles."""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch.fx import Node

from edge.frontends.torch_export.convert import CONVERTERS

_QUANTIZE = "quantized_decomposed.quantize_per_tensor"
_DEQUANTIZE = "quantized_decomposed.dequantize_per_tensor"


def torch_operator(node: Node) -> Any:
    """The operator of torch behind a node: without ExecuTorch's wrapper, a view for a view_copy."""
    target = getattr(node.target, "_op", node.target)
    name = str(target)
    packet, _, overload = name.removeprefix("aten.").partition(".")
    if not packet.endswith("_copy"):
        return target
    plain = getattr(torch.ops.aten, packet.removesuffix("_copy"), None)
    return getattr(plain, overload, target)


def is_call(node: Node) -> bool:
    return node.op == "call_function"


def is_convertible(node: Node) -> bool:
    """Whether the front end has a converter for the operator of a node."""
    found = torch_operator(node)
    return is_call(node) and (found is operator.getitem or str(found) in CONVERTERS)


def quantizes(node: Node) -> bool:
    return is_call(node) and str(torch_operator(node)).startswith(_QUANTIZE)


def dequantizes(node: Node) -> bool:
    return is_call(node) and str(torch_operator(node)).startswith(_DEQUANTIZE)


def computes(node: Node) -> bool:
    """Whether a node does more than to change how values are stored."""
    return is_call(node) and not str(torch_operator(node)).startswith("quantized_decomposed.")
