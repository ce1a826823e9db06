"""A span for every head under one budget, by an integer programme (Fu et al. 2024, MoA,
arXiv:2406.14909)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import nn

from edge.errors import fail
from edge.gpu.attention.plan import AttentionPlan
from edge.gpu.attention.policies.moa_span import MoASpan
from edge.gpu.attention.spans.influence import changes_by_length, predicted_divergence

SPANS = "E0075"
BETAS = (0.0, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0)
Costs = dict[int, torch.Tensor]


def moa_spans(
    model: nn.Module, calibration: Sequence[torch.Tensor], budget: float | Mapping[int, float],
    *, block: int = 64, sinks: int = 0,
) -> AttentionPlan:  # fmt: skip
    """The spans of least predicted divergence that compute at most `budget` of the causal blocks.

    `calibration` are token ids [B, T] of several lengths T, best drawn from the model; the budget
    holds at each of them, or is given for each. Raises EdgeError E0075 without calibration and for
    a budget that no span keeps.
    """
    if not calibration:
        raise fail(SPANS, "spans are fitted to text, and there is none",
                   help=["give token ids as tensors [B, T]"])  # fmt: skip
    changes = changes_by_length(model, calibration, block=block, sinks=sinks)
    costs = {length: predicted_divergence(found, length) for length, found in changes.items()}
    return fitted_spans(costs, budget, block=block, sinks=sinks)


def fitted_spans(
    costs: Costs, budget: float | Mapping[int, float], *, block: int, sinks: int = 0
) -> AttentionPlan:
    """The plan of least total cost: costs[length] is float[L, H, R], nats for a window of w + 1
    blocks at w. Raises EdgeError E0075 for a budget that no span keeps."""
    spans = candidates(list(costs), block, sinks)
    layers, heads = next(iter(costs.values())).shape[:2]
    loss = sum(_at_windows(cost, spans) for cost in costs.values())
    limits = budget if isinstance(budget, Mapping) else dict.fromkeys(costs, budget)
    used = np.array(
        [[span.computed(_rows(length, block)) for span in spans] for length in costs], float
    )
    allowed = [limits[length] * _triangle(length, block) * layers * heads for length in costs]
    chosen = _least(np.asarray(loss).reshape(layers * heads, -1), used, np.array(allowed))
    if chosen is None:
        raise fail(SPANS, f"no spans compute {budget} of the causal blocks or less",
                   help=["give a larger budget: a row's own block is always computed"])  # fmt: skip
    policies = [spans[place] for place in chosen]
    rows = (tuple(policies[at : at + heads]) for at in range(0, len(policies), heads))
    return AttentionPlan(tuple(rows))


def candidates(lengths: Sequence[int], block: int, sinks: int) -> list[MoASpan]:
    """Spans that differ at some length: `alpha` in powers of two of a block, `beta` in BETAS."""
    longest = max(lengths)
    alphas = [0] + [block * 2**n for n in range(64) if block * 2**n <= longest]
    found: dict[tuple[int, ...], MoASpan] = {}
    for beta in BETAS:
        for alpha in alphas:
            span = MoASpan(alpha, beta, sinks, block)
            found.setdefault(tuple(span.window(_rows(length, block)) for length in lengths), span)
    return list(found.values())


def _at_windows(cost: torch.Tensor, spans: Sequence[MoASpan]) -> np.ndarray:
    """[L, H, spans]."""
    picked = cost[..., [span.window(cost.shape[-1]) - 1 for span in spans]]
    return picked.double().cpu().numpy()


def _rows(length: int, block: int) -> int:
    return -(-length // block)


def _triangle(length: int, block: int) -> float:
    rows = _rows(length, block)
    return rows * (rows + 1) / 2


def _least(loss: np.ndarray, used: np.ndarray, allowed: np.ndarray) -> list[int] | None:
    """One choice a head, loss[heads, choices] least, the sum of used[lengths, choices] allowed.

    Solved to one part in a thousand by HiGHS; None if nothing is allowed.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import eye_array, kron

    heads, choices = loss.shape
    one_each = kron(eye_array(heads), np.ones((1, choices)), format="csr")
    total = kron(np.ones((1, heads)), used, format="csr")
    # Whole blocks: the fraction keeps the solver's tolerance from taking one more.
    limits = np.floor(allowed + 1e-6) + 0.25
    solved = milp(
        loss.ravel() / max(float(np.abs(loss).max()), 1e-30),
        constraints=[LinearConstraint(one_each, 1, 1), LinearConstraint(total, -np.inf, limits)],
        integrality=np.ones(loss.size), bounds=Bounds(0, 1), options={"mip_rel_gap": 1e-3},
    )  # fmt: skip
    if solved.x is None:
        return None
    return [int(place) for place in solved.x.reshape(heads, choices).argmax(1)]
