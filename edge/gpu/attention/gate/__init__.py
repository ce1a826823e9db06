"""The learned block gate of SeerAttention: its weights, its scores, its training."""
