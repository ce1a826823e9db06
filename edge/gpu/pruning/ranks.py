"""Several processes that prune one model: each takes calibration data and rows of weights."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
import torch.distributed as dist

from edge.sparsity.layerwise.recipe import Recipe, prune_weight
from edge.sparsity.layerwise.statistics import InputStatistics


@dataclass(frozen=True)
class Ranks:
    """This process is number `rank` of `world`."""

    rank: int = 0
    world: int = 1

    @classmethod
    def current(cls) -> Ranks:
        """Those of torch.distributed, which is begun if torchrun started this process."""
        if not dist.is_initialized() and int(os.environ.get("WORLD_SIZE", "1")) > 1:
            dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
        return cls(dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else cls()

    @property
    def first(self) -> bool:
        """Whether this process writes what all agree on."""
        return self.rank == 0

    def mine(self, count: int) -> Sequence[int]:
        """Which of `count` calibration batches are this process's."""
        return range(self.rank, count, self.world)

    def add_up(self, statistics: Iterable[InputStatistics]) -> None:
        """Make the sums of each process the sums of all, in place."""
        if self.world > 1:
            for one in statistics:
                for tensor in one.sums:
                    dist.all_reduce(tensor)

    def prune(
        self, weight: torch.Tensor, statistics: InputStatistics, recipe: Recipe
    ) -> torch.Tensor:
        """`prune_weight`, each process pruning a share of the rows where rows are independent."""
        if self.world == 1:
            return prune_weight(weight, statistics, recipe)
        if not recipe.splits_by_row:
            return self._of_first(weight, statistics, recipe)
        parts = [part.float().contiguous() for part in weight.tensor_split(self.world)]
        parts[self.rank] = prune_weight(parts[self.rank], statistics, recipe).contiguous()
        for rank, part in enumerate(parts):
            dist.broadcast(part, rank)
        return torch.cat(parts)

    def _of_first(
        self, weight: torch.Tensor, statistics: InputStatistics, recipe: Recipe
    ) -> torch.Tensor:
        pruned = weight.float().contiguous()
        if self.first:
            pruned = prune_weight(weight, statistics, recipe).contiguous()
        dist.broadcast(pruned, 0)
        return pruned

    def wait(self) -> None:
        """Until all processes are here."""
        if self.world > 1:
            dist.barrier()
