"""An emulator that does not know a target's board or CPU: most likely it is too old."""

from __future__ import annotations

import re
import subprocess

from edge.errors import EdgeError, fail
from edge.target import Target

_UNKNOWN = re.compile(r"unsupported machine type|unable to find CPU model")
_VERSION = re.compile(r"version (\d+(?:\.\d+)*)")
_TIMEOUT_S = 60
_TESTED = "7.2"


def too_old(target: Target, emulator: str, output: str) -> EdgeError | None:
    """E0410 if the emulator's output says that it does not know the target's machine."""
    if not _UNKNOWN.search(output):
        return None
    return fail(
        "E0410",
        f"{target.emulator} {_version_of(emulator)} does not emulate {target.machine}, the machine "
        f"of {target.name}",
        help=[f"install QEMU {_TESTED} or later (Debian 12 has {_TESTED})", "or use --on host"],
    )


def _version_of(emulator: str) -> str:
    """What the emulator calls its version."""
    answer = subprocess.run(
        [emulator, "--version"], capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
    )
    found = _VERSION.search(answer.stdout)
    return found[1] if found else "of unknown version"
