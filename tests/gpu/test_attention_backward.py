"""Gradients of block-sparse attention: Triton's interpreter against autograd of the mask."""

from __future__ import annotations

import pytest
import torch

from edge.gpu.attention import BlockTable, merged, sparse_attention
from edge.gpu.attention.policies.a_shape import AShape
from edge.gpu.attention.policies.mean_pool import MeanPool
from tests.gpu.needs import needs_triton

BLOCK, SCALE = 16, 0.25


def _inputs(length: int, groups: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(0)
    shapes = (1, 4, length, 16), (1, groups, length, 16), (1, groups, length, 16)
    q, k, v = (torch.randn(shape, generator=draw, requires_grad=True) for shape in shapes)
    return q, k, v


def _gradients(inputs, table, backend):
    """Of a loss that takes outputs and sums of exponentials."""
    outputs, lse = sparse_attention(*inputs, table, scale=SCALE, backend=backend)
    draw = torch.Generator().manual_seed(1)
    loss = (outputs * torch.randn(outputs.shape, generator=draw)).sum()
    loss = loss + (lse * torch.randn(lse.shape, generator=draw)).sum()
    return torch.autograd.grad(loss, inputs)


@needs_triton
@pytest.mark.parametrize(
    ("length", "groups"),
    [(48, 4), (42, 1), (42, 2)],
    ids=["whole blocks", "ragged tail, one key head", "ragged tail, two key heads"],
)
def test_triton_s_gradients_are_those_of_the_masked_reference(length, groups):
    inputs = _inputs(length, groups)
    q, k, _ = (x.detach() for x in inputs)
    table = MeanPool(2, BLOCK).table(q, k, SCALE)
    assert table.density() < 1
    for ours, reference in zip(
        _gradients(inputs, table, "triton"), _gradients(inputs, table, "reference"), strict=True
    ):
        assert float((ours - reference).abs().max()) <= 1e-5


@needs_triton
def test_gradients_of_a_table_that_looks_both_ways_leave_unseen_keys_at_zero():
    """The last block of keys is in no row."""
    inputs = _inputs(48, 2)
    chosen = torch.tensor([[0, 1, 0], [1, 1, 0], [1, 0, 0]], dtype=torch.bool)
    table = BlockTable.from_blocks(chosen.expand(1, 4, 3, 3), BLOCK, 48, causal=False)
    ours, reference = (_gradients(inputs, table, name) for name in ("triton", "reference"))
    for mine, other in zip(ours, reference, strict=True):
        assert float((mine - other).abs().max()) <= 1e-5
    assert not ours[1][:, :, 32:].any()
    assert not ours[2][:, :, 32:].any()


@needs_triton
def test_gradients_flow_through_a_merge_of_two_tables():
    inputs = _inputs(48, 2)
    even = torch.eye(3, dtype=torch.bool).expand(1, 4, 3, 3)
    tables = [BlockTable.from_blocks(blocks, BLOCK, 48, causal=False) for blocks in (even, ~even)]
    found = []
    for backend in ("triton", "reference"):
        parts = [sparse_attention(*inputs, t, scale=SCALE, backend=backend) for t in tables]
        output, _ = merged(parts[0], parts[1])
        found.append(torch.autograd.grad(output.square().sum(), inputs))
    for ours, reference in zip(*found, strict=True):
        assert torch.allclose(ours, reference, atol=1e-5)


def test_a_transposed_table_names_the_rows_of_each_block():
    q = torch.zeros(1, 2, 80, 16)
    table = AShape(2, 1, BLOCK).table(q, q, SCALE)
    count, row = table.transposed()
    assert count[0, 0].tolist() == [5, 2, 2, 2, 1]
    assert row[0, 0, 0].tolist() == [0, 1, 2, 3, 4]
    assert row[0, 0, 2, :2].tolist() == [2, 3]
