"""Training steps in numpy: the definition of correct for every other implementation."""

from edge.training.reference.trainer import Trainer

__all__ = ["Trainer"]
