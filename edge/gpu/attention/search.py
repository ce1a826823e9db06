"""Search a plan: for each head the policy that changes its output least at a given density
(the offline search of MInference, Jiang et al. 2024, arXiv:2407.02490)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from edge.errors import fail
from edge.gpu.attention.plan import PLAN, AttentionPlan
from edge.gpu.attention.policies.a_shape import AShape
from edge.gpu.attention.policies.local_stride import LocalStride
from edge.gpu.attention.policies.mean_pool import MeanPool
from edge.gpu.attention.policies.policy import Policy
from edge.gpu.attention.policies.vertical_slash import VerticalSlash
from edge.gpu.attention.reference import reference_attention
from edge.gpu.attention.watch import Inputs, attention_inputs, dense_attention


def candidates(kept: int, rows: int, block: int) -> list[Policy]:
    """Policies that keep about `kept` of `rows` key blocks a row."""
    tokens = kept * block
    found: list[Policy] = [AShape(kept, 0, block), MeanPool(kept, block)]
    if kept > 1:
        found.append(AShape(kept - 1, 1, block))
        found.append(LocalStride(kept - 1, max(rows // 2, 1), block))
    for share in (8, 4, 2):
        columns = max(tokens // share // block, 1)
        slashes = max((kept - columns) * block, 1)
        found.append(VerticalSlash(columns, slashes, 1, min(block, slashes), block, block))
    return found


@torch.no_grad()
def search_plan(
    model: nn.Module, calibration: Sequence[torch.Tensor], budget: float, *, block: int = 64
) -> AttentionPlan:
    """The plan of least output error whose heads compute at most `budget` of the causal blocks.

    `calibration` are token ids [B, T] of one length T. Policies that need more than the budget on
    this data are not taken; heads are judged one by one on the inputs that the dense model gives
    them. Raises EdgeError E0072 for a budget that no policy keeps.
    """
    layers: dict[int, list[Inputs]] = {}
    for ids in calibration:
        for layer, inputs in attention_inputs(model, ids).items():
            layers.setdefault(layer, []).append(inputs)
    chosen = [_best_policies(inputs, budget, block) for _, inputs in sorted(layers.items())]
    return AttentionPlan(tuple(chosen))


def _best_policies(samples: Sequence[Inputs], budget: float, block: int) -> tuple[Policy, ...]:
    """For every head of a layer."""
    length = samples[0][0].shape[2]
    rows = -(-length // block)
    measured: list[tuple[Policy, torch.Tensor]] = []
    for kept in range(1, rows + 1):
        for policy in candidates(kept, rows, block):
            errors, density = _measured(policy, samples)
            allowed = torch.where(density <= budget, errors, torch.inf)
            measured.append((policy, allowed))
        if kept > 1 and kept / rows > budget:
            break
    table = torch.stack([errors for _, errors in measured])
    if not torch.isfinite(table.amin(0)).all():
        least = 2 / (rows + 1)
        raise fail(
            PLAN, f"no policy computes {budget:.3f} of the causal blocks or less",
            help=[f"a row's own block alone is {least:.3f} of them at {length} tokens"],
        )  # fmt: skip
    return tuple(measured[place][0] for place in table.argmin(0).tolist())


def _measured(policy: Policy, samples: Sequence[Inputs]) -> tuple[torch.Tensor, torch.Tensor]:
    """[H], [H]: each head's output error and density, in the mean over samples."""
    errors, densities = [], []
    for q, k, v, scale in samples:
        table = policy.table(q, k, scale)
        output, _ = reference_attention(q, k, v, table, scale)
        errors.append((output - dense_attention(q, k, v, scale)).square().mean((0, 2, 3)))
        triangle = table.rows * (table.rows + 1) / 2
        densities.append(table.count.double().sum(-1).mean(0) / triangle)
    return torch.stack(errors).mean(0), torch.stack(densities).mean(0)
