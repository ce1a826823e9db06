"""Attention in an exported torch program as the operators it is made of, each with a scale of its
own. Import this module only where torch is wanted."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch.fx import GraphModule, Node

_ATTENTION = torch.ops.aten.scaled_dot_product_attention.default
_ARGUMENTS = ("query", "key", "value", "attn_mask", "dropout_p", "is_causal")


def expand_attention(model: GraphModule) -> GraphModule:
    """Replace plain attention by products and a softmax; the query takes the scale.

    Masked or causal attention stays, and is refused when the program is imported.
    """
    for node in list(model.graph.nodes):
        if node.target is _ATTENTION and _is_plain(node):
            with model.graph.inserting_before(node):
                node.replace_all_uses_with(_expanded(model, node))
            model.graph.erase_node(node)
    model.recompile()
    return model


def _is_plain(node: Node) -> bool:
    given = {**dict(zip(_ARGUMENTS, node.args, strict=False)), **node.kwargs}
    unusual = ("attn_mask", "dropout_p", "is_causal", "enable_gqa")
    return not any(given.get(name) for name in unusual)


def _expanded(model: GraphModule, node: Node) -> Node:
    query, key, value = node.args[:3]
    scale: Any = node.kwargs.get("scale")
    if scale is None:
        scale = 1 / math.sqrt(query.meta["val"].shape[-1])  # type: ignore[union-attr]
    aten = torch.ops.aten
    scaled = _call(model, node, aten.mul.Tensor, query, scale)
    columns = _call(model, node, aten.transpose.int, key, -2, -1)
    scores = _call(model, node, aten.matmul.default, scaled, columns)
    weights = _call(model, node, aten.softmax.int, scores, -1)
    return _call(model, node, aten.matmul.default, weights, value)


def _call(model: GraphModule, where: Node, target: Any, *args: Any) -> Node:
    """A node with the value that torch's shape propagation gives it, at the place of `where`."""
    made: Node = model.graph.call_function(target, args)
    made.meta = {key: value for key, value in where.meta.items() if key != "val"}
    values = [arg.meta["val"] if isinstance(arg, Node) else arg for arg in args]
    with where.meta["val"].fake_mode:
        made.meta["val"] = target(*values)
    return made
