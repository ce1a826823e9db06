"""Leading directions with equal weight: their gradient, also where an SVD has none."""

from __future__ import annotations

import pytest
import torch

from edge.tuning.directions import LeadingDirections


@pytest.mark.parametrize("rank", [1, 3, 6])
def test_the_gradient_is_that_of_finite_differences(rank: int) -> None:
    torch.manual_seed(0)
    matrix = torch.randn(6, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda m: LeadingDirections.apply(m, rank), (matrix,))


def test_a_short_context_whose_sum_has_little_rank_has_a_finite_gradient() -> None:
    torch.manual_seed(0)
    matrix = (torch.randn(16, 3) @ torch.randn(3, 16)).requires_grad_(True)
    made = LeadingDirections.apply(matrix, 3)
    made.backward(torch.randn(16, 16))
    assert matrix.grad.isfinite().all()
    assert matrix.grad.abs().max() < 100
