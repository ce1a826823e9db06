"""Sparse model soups (Zimmer et al. 2023, arXiv:2306.16788).

Several copies of one pruned network are retrained, with other seeds or rates; having one mask they
can be averaged without losing a zero.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import nn

from edge.errors import fail
from edge.sparsity.masked import masks


def soup(members: Sequence[nn.Module]) -> nn.Module:
    """A copy of the first member with the mean of all parameters and float buffers.

    Batch norm statistics are averaged, too; pass training data through the soup in training mode to
    renew them. Raises EdgeError E0044 if the members' masks differ.
    """
    first, *others = members
    for other in others:
        _require_equal_masks(first, other)
    mixed = copy.deepcopy(first)
    states = [member.state_dict() for member in members]
    mixed.load_state_dict({
        name: torch.stack([state[name] for state in states]).mean(0)
        if value.is_floating_point() else value
        for name, value in states[0].items()
    })  # fmt: skip
    return mixed


def _require_equal_masks(one: nn.Module, other: nn.Module) -> None:
    mine, theirs = masks(one), masks(other)
    for name in sorted({*mine, *theirs}):
        if name not in mine or name not in theirs or not torch.equal(mine[name], theirs[name]):
            raise fail(
                "E0044", f"the members of a soup have other masks in {name}", name,
                help=["retrain copies of one pruned network with a schedule that keeps its masks"],
            )  # fmt: skip
