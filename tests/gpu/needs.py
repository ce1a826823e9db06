"""What some tests of the GPU host path need."""

from __future__ import annotations

import importlib.util

import pytest

needs_triton = pytest.mark.skipif(
    importlib.util.find_spec("triton") is None,
    reason="needs triton: pip install 'edge-nn[llm]' on Linux",
)
