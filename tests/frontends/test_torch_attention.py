"""Layer normalization, products, attention and transposed convolutions, each against torch."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from edge.errors import EdgeError
from edge.passes.pipeline import FLOAT_PASSES, run_passes
from tests.frontends.test_torch_operators import Compute
from tests.frontends.torch_oracle import assert_computes, check_import, imported, noise, operators
from tests.models import vit
from tests.models.seeded import seeded

TOKENS, HEADS, IMAGE = (1, 10, 16), (1, 3, 6, 9), (1, 6, 8, 10)


class SelfAttention(nn.Module):
    """torch's own module, without the weights that it can return."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.MultiheadAttention(16, 4, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mixed: torch.Tensor = self.inner(x, x, x, need_weights=False)[0]
        return mixed


MODULES = {
    "layer norm": (nn.LayerNorm(16), TOKENS),
    "layer norm without parameters": (nn.LayerNorm(16, elementwise_affine=False), TOKENS),
    "layer norm of channels": (
        Compute(lambda x: functional.layer_norm(x.permute(0, 2, 3, 1), (6,)).permute(0, 3, 1, 2)),
        IMAGE,
    ),
    "product with itself": (Compute(lambda x: x @ x.transpose(-1, -2)), HEADS),
    "attention": (
        Compute(lambda x: functional.scaled_dot_product_attention(x, x * 2, x + 1)), HEADS
    ),
    "attention with a scale": (
        Compute(lambda x: functional.scaled_dot_product_attention(x, x, x, scale=0.5)), HEADS
    ),
    "multi-head attention": (SelfAttention(), TOKENS),
    "encoder layer": (
        nn.TransformerEncoderLayer(
            16, 4, 32, batch_first=True, norm_first=True, activation="gelu"
        ),
        TOKENS,
    ),
    "transposed convolution": (nn.ConvTranspose2d(6, 4, 3, 2, 1, 1), IMAGE),
    "transposed convolution of a row": (nn.ConvTranspose2d(6, 4, (1, 4), (1, 2), (0, 1)), IMAGE),
    "transposed convolution without overlap": (nn.ConvTranspose2d(6, 4, 2, 3, bias=False), IMAGE),
    "transposed convolution of a sequence": (nn.ConvTranspose1d(6, 4, 4, 2, 1), (1, 6, 9)),
    "mean of channels subtracted": (Compute(lambda x: x - x.mean(1, keepdim=True)), IMAGE),
    "outer product": (
        Compute(lambda x: x.mean(3, keepdim=True) * x.mean(2, keepdim=True)), IMAGE
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MODULES)
def test_module(name: str) -> None:
    module, shape = MODULES[name]
    graph = check_import(module, noise(*shape))
    assert_computes(run_passes(graph, FLOAT_PASSES, check=True), module, noise(*shape))


def test_two_tensors_multiply_in_either_order_of_storage() -> None:
    a, b = noise(1, 6, 9), noise(1, 5, 9, seed=1)
    graph = check_import(Compute(lambda a, b: a @ b.transpose(1, 2)), a, b)
    assert operators(graph) == ["matmul"]
    assert graph.nodes[0].attrs["transpose_b"] is True
    graph = check_import(Compute(torch.bmm), a, b.transpose(1, 2).contiguous())
    assert graph.nodes[0].attrs["transpose_b"] is False


def test_scale_of_attention_is_part_of_softmax() -> None:
    graph = imported(
        Compute(lambda x: functional.scaled_dot_product_attention(x, x, x)), noise(*HEADS)
    )
    [softmax] = [node for node in graph.nodes if node.op == "softmax"]
    assert softmax.attrs["beta"] == pytest.approx(9**-0.5)
    assert "mul" not in operators(graph)


def test_batch_norm_goes_into_a_transposed_convolution() -> None:
    module = seeded(
        lambda: nn.Sequential(nn.ConvTranspose2d(6, 4, 2, 2), nn.BatchNorm2d(4), nn.ReLU())
    )
    graph = run_passes(check_import(module, noise(*IMAGE)), FLOAT_PASSES, check=True)
    assert operators(graph) == ["conv_transpose2d"]
    assert_computes(graph, module, noise(*IMAGE))


def test_vision_transformer() -> None:
    module, (image,) = vit.make(size=24, depth=2)
    graph = check_import(module, image)
    assert operators(graph).count("matmul") == 4
    assert operators(graph).count("layer_norm") == 5


REFUSED = {
    "mask": lambda x: functional.scaled_dot_product_attention(
        x, x, x, attn_mask=torch.ones(6, 6).tril().bool()
    ),
    "causal": lambda x: functional.scaled_dot_product_attention(x, x, x, is_causal=True),
    "norm of two axes": lambda x: functional.layer_norm(x, (6, 9)),
    "repeated operand": lambda x: x @ x[:, :1].transpose(-1, -2),
    "groups": lambda x: functional.conv_transpose2d(x, torch.ones(3, 2, 2, 2), groups=3),
    "dilation": lambda x: functional.conv_transpose2d(x, torch.ones(3, 2, 2, 2), dilation=2),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_graph_cannot_say_is_refused(name: str) -> None:
    with pytest.raises(EdgeError):
        imported(Compute(REFUSED[name]), noise(*HEADS))
