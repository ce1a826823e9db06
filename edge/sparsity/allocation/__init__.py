"""Allocation: how a sparsity of the whole model is divided among its layers, a way each a file.

Each takes scores [out, positions, inputs] by layer and gives sparsities by layer, for
`edge.sparsity.masked.attach`.
"""
