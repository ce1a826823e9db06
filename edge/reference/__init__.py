"""The numpy interpreter: exact integer arithmetic of every operator, and float32 operators."""

from edge.reference.interpreter import Observer, Session, run, run_batch

__all__ = ["Observer", "Session", "run", "run_batch"]
