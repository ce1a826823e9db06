"""Pruning of large models a layer at a time, from statistics of the inputs that a layer sees.

No gradients are needed: `recipe` says which weights go and how the others make up for them, `prune`
applies it to a model block by block. `edge.gpu.pruning` does the same to checkpoints that do not
fit into memory.
"""
