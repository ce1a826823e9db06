"""The property tests once more, with fewer examples, under the address sanitizer.

It must be loaded before Python's own allocator, hence the second process.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from . import host

HERE = Path(__file__).parent
PROPERTY_TESTS = (
    "test_windows.py", "test_flat.py", "test_whole.py", "test_requantize.py", "test_attention.py",
    "test_broadcast.py",
)  # fmt: skip


def _address_sanitizer() -> Path | None:
    """The sanitizer library that belongs to gcc, if there is one."""
    if shutil.which("gcc") is None:
        return None
    command = ["gcc", "-print-file-name=libasan.so"]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    return Path(found) if Path(found).is_absolute() else None


def _environment(sanitizer: Path) -> dict[str, str]:
    # Python itself leaks at exit; its pooled allocator would hide overruns of small buffers.
    options = {"ASAN_OPTIONS": "detect_leaks=0", "PYTHONMALLOC": "malloc"}
    return {**os.environ, "LD_PRELOAD": str(sanitizer), **options}


@pytest.mark.skipif(host.address_sanitizer_is_loaded(), reason="this is the second process")
def test_no_kernel_reads_or_writes_outside_its_buffers() -> None:
    sanitizer = _address_sanitizer()
    if sanitizer is None:
        pytest.skip("needs gcc with its address sanitizer: apt-get install gcc")
    files = [str(HERE / name) for name in PROPERTY_TESTS]
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "--capture=sys", "-p", "no:cacheprovider", *files],
        env=_environment(sanitizer), cwd=HERE.parents[1], capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
