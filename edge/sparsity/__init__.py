"""Sparsity: which weights of a model may go, and training that makes up for them.

In numpy, for graphs: `patterns`, `weights`, `block_rows`, `rearrangement`, `allocation`. In torch,
for modules: `layers`, `masked`, `criteria`, `schedules`, `training`, `soups`, `zeros`. This package
itself imports without torch, so that planning and packing can use the patterns and formats.
"""
