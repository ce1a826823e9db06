"""The PT2E flow of torchao, as a user runs it, with four seeded calibration inputs."""

from __future__ import annotations

import torch
from torch import nn
from torch.fx import GraphModule

from edge.frontends.torch_export import export_module, load_torch
from edge.ir import Graph
from edge.silence import silenced

with silenced():
    from torchao.quantization.pt2e.quantize_pt2e import (
        convert_pt2e,
        prepare_pt2e,
        prepare_qat_pt2e,
    )

torch.set_num_threads(1)


def samples(example: torch.Tensor, count: int = 4) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(5)
    return [torch.randn(example.shape, generator=generator) for _ in range(count)]


def quantized(module: nn.Module, example: torch.Tensor, quantizer) -> GraphModule:
    """The converted module: torch's own simulation of the int8 network."""
    with silenced():
        prepared = prepare_pt2e(torch.export.export(module.eval(), (example,)).module(), quantizer)
        for x in samples(example):
            prepared(x)
        return convert_pt2e(prepared)


def trained(module: nn.Module, example: torch.Tensor, quantizer) -> GraphModule:
    """The converted module after two steps of quantization-aware training."""
    with silenced():
        exported = torch.export.export(module.train(), (example,)).module()
        prepared = prepare_qat_pt2e(exported, quantizer)
        optimizer = torch.optim.SGD(prepared.parameters(), 1e-3)
        for x in samples(example, 2):
            optimizer.zero_grad()
            prepared(x).square().mean().backward()
            optimizer.step()
        return convert_pt2e(prepared)


def imported(module: GraphModule, example: torch.Tensor) -> Graph:
    """The graph with quantize/dequantize nodes."""
    return load_torch(export_module(module, (example,)))
