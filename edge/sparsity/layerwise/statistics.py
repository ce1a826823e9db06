"""What pruning must know of the inputs of a linear layer: sums, so that parts of a data set add."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True, eq=False)
class InputStatistics:
    """Sums over inputs x of a layer, in float64: sums of float32 let masks flip near ties.

    count: inputs seen; total: [in], the sum of x; squares: [in], of x^2; gram: [in, in], of x x^T,
    None where no method asks for it.
    """

    count: torch.Tensor
    total: torch.Tensor
    squares: torch.Tensor
    gram: torch.Tensor | None

    @classmethod
    def empty(cls, inputs: int, gram: bool = True, device: Any = None) -> InputStatistics:
        """Of no inputs yet."""

        def zeros(*shape: int) -> torch.Tensor:
            return torch.zeros(shape, dtype=torch.float64, device=device)

        return cls(zeros(1), zeros(inputs), zeros(inputs), zeros(inputs, inputs) if gram else None)

    def add(self, x: torch.Tensor) -> None:
        """Count inputs [..., in] in."""
        rows = x.detach().flatten(0, -2).double()
        self.count.add_(len(rows))
        self.total.add_(rows.sum(0))
        self.squares.add_(rows.square().sum(0))
        if self.gram is not None:
            self.gram.addmm_(rows.T, rows)

    @property
    def sums(self) -> list[torch.Tensor]:
        """All tensors, for adding up over processes in place."""
        gram = [] if self.gram is None else [self.gram]
        return [self.count, self.total, self.squares, *gram]

    @property
    def mean(self) -> torch.Tensor:
        """E[x], float32[in]."""
        return (self.total / self.count).float()

    @property
    def variance(self) -> torch.Tensor:
        """The unbiased variance of each input, float32[in], never 0."""
        centred = self.squares - self.total.square() / self.count
        return (centred / (self.count - 1).clamp(min=1)).float() + 1e-12

    @property
    def norm(self) -> torch.Tensor:
        """sqrt(E[x^2]), float32[in]."""
        return (self.squares / self.count).sqrt().float()

    @property
    def second_moment(self) -> torch.Tensor:
        """E[x x^T], float32[in, in]."""
        if self.gram is None:
            raise ValueError("these statistics were made without a Gram matrix")
        return (self.gram / self.count).float()
