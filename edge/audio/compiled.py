"""The front end's C, compiled for this machine: the same rows as numpy, much faster."""

from __future__ import annotations

import ctypes
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge.audio.log_mel import LogMel, Rows
from edge.audio.tables import write_c
from edge.errors import fail
from edge.target import load_target
from edge.toolchains import find_toolchain

_STREAM = """/* SPDX-License-Identifier: Apache-2.0 */
#include "edge/log_mel.h"

void edge_log_mel_stream(const int16_t *samples, int32_t rows, int8_t *features);
void edge_log_mel_stream(const int16_t *samples, int32_t rows, int8_t *features) {
    edge_log_mel mel = {0};
    for (int32_t row = 0; row < rows; row++, features += EDGE_LOG_MEL_BANDS) {
        edge_log_mel_push(&mel, samples + row * EDGE_LOG_MEL_HOP, features);
    }
}
"""
_COMPILE_TIMEOUT_S = 300


class CompiledLogMel:
    """A LogMel whose `features` runs in C, built with `flags` by gcc or the bundled compiler.

    Raises EdgeError: E0401 if there is no compiler, E0402 if it fails.
    """

    def __init__(self, front_end: LogMel, flags: Sequence[str] = ("-O2",)) -> None:
        self.front_end = front_end
        with tempfile.TemporaryDirectory(prefix="edge-log-mel-") as name:
            self._library = ctypes.CDLL(str(_built(front_end, Path(name), flags)))

    def features(self, samples: npt.NDArray[np.int16]) -> Rows:
        """int8 [..., rows, bands] of int16 [..., samples], as LogMel.features."""
        front_end = self.front_end
        streams = np.ascontiguousarray(samples.reshape(-1, samples.shape[-1]))
        shape = (samples.shape[-1] // front_end.hop, front_end.bands)
        rows = np.empty((len(streams), *shape), np.int8)
        for stream, made in zip(streams, rows, strict=True):
            self._library.edge_log_mel_stream(_address(stream), shape[0], _address(made))
        return rows.reshape(*samples.shape[:-1], *shape)


def _address(array: npt.NDArray[Any]) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def _built(front_end: LogMel, folder: Path, flags: Sequence[str]) -> Path:
    """The shared library of the front end."""
    toolchain = find_toolchain(None, load_target("host"))
    stream, library = folder / "stream.c", folder / "log_mel.so"
    stream.write_text(_STREAM, encoding="utf-8")
    sources = [str(path) for path in (*write_c(front_end, folder), stream)]
    options = ["-std=c99", "-fPIC", "-shared", f"-I{folder}", *flags]
    done = subprocess.run(
        [*toolchain.command, *options, *sources, "-o", str(library)],
        capture_output=True, text=True, timeout=_COMPILE_TIMEOUT_S, check=False,
    )  # fmt: skip
    if done.returncode:
        raise fail("E0402", "the front end does not compile", notes=done.stderr.splitlines()[:12])
    return library
