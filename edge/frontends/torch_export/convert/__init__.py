"""Converters from torch operators to graph nodes, one file a group, all in one table."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from edge.frontends.torch_export.arguments import Arguments
from edge.frontends.torch_export.builder import Builder
from edge.frontends.torch_export.convert import (
    arithmetic,
    attention,
    convolution,
    linear,
    pointwise,
    pooling,
    quantization,
    recurrent,
    selection,
    shape,
)
from edge.frontends.torch_export.operands import Operand

Converter = Callable[[Builder, Arguments], Operand]

CONVERTERS: Mapping[str, Converter] = {
    **convolution.CONVERTERS,
    **linear.CONVERTERS,
    **attention.CONVERTERS,
    **pointwise.CONVERTERS,
    **pooling.CONVERTERS,
    **arithmetic.CONVERTERS,
    **shape.CONVERTERS,
    **selection.CONVERTERS,
    **recurrent.CONVERTERS,
    **quantization.CONVERTERS,
}
"""By torch operator, such as "aten.conv2d.default"."""
