"""Rearrangement: channels permuted across a whole network so that blocks collect magnitude.

The output channels of a layer and the input channels of its readers move together, so the function
stays as it was and nothing is left to do at run time (SparseByteNN, arXiv:2310.19509; Pool & Yu
2021, "Channel Permutations for N:M Sparsity").
"""
