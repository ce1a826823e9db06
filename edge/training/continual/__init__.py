"""Continual learning on sparse networks (SparCL: Wang et al., NeurIPS 2022).

    masks: which blocks live, exchanged as tasks come; removal: which samples are still worth a step

The third part, masking of gradients, is a setting of a step: `Settings.gradient_share`.
"""
