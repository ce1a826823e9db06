"""Kernels of runtime/kernels/ref on this machine against the numpy reference."""
