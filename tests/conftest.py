"""Settings that must be made before any test imports a library."""

import os

import torch

if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"  # triton reads it once, when it is imported
