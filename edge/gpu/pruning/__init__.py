"""Pruning of checkpoints that do not fit into memory: one block at a time, on any number of
processes, resumable."""

from edge.gpu.pruning.stream import prune_checkpoint

__all__ = ["prune_checkpoint"]
