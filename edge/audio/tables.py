"""The C of a front end: runtime/audio/log_mel.c with the constants of a LogMel beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from edge import resources
from edge.audio.log_mel import POWER_BITS, LogMel, log_table
from edge.emit.c_text import ConstArray

_HEADER = """/* SPDX-License-Identifier: Apache-2.0
 *
 * Settings of edge/log_mel.h, written by edge.audio: {bands} bands from {low:g} to {high:g} Hz.
 */
#ifndef EDGE_LOG_MEL_SETTINGS_H
#define EDGE_LOG_MEL_SETTINGS_H

#include <stdint.h>

{defines}

{declarations}

#endif
"""
_SOURCE = """/* SPDX-License-Identifier: Apache-2.0
 *
 * Constants of edge/log_mel.h, written by edge.audio.
 */
#include "edge/edge.h"
#include "log_mel_settings.h"

{definitions}
"""


def c_files(front_end: LogMel) -> Mapping[str, str]:
    """Path -> text of the sources and headers that compute the front end.

    `log_mel.c` and `log_mel_tables.c` are compiled, with the folder itself as include path.
    """
    return {
        "edge/edge.h": _text("include/edge/edge.h"),
        "edge/log_mel.h": _text("audio/log_mel.h"),
        "log_mel.c": _text("audio/log_mel.c"),
        "log_mel_settings.h": _settings(front_end),
        "log_mel_tables.c": _tables(front_end),
    }


def write_c(front_end: LogMel, folder: Path) -> list[Path]:
    """Write the C of the front end into a folder; returns the files that are to be compiled."""
    for name, text in c_files(front_end).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return [folder / "log_mel.c", folder / "log_mel_tables.c"]


def _text(file: str) -> str:
    return resources.path(f"runtime/{file}").read_text(encoding="utf-8")


def _settings(front_end: LogMel) -> str:
    values = {
        "RATE": front_end.rate,
        "WINDOW": front_end.window,
        "HOP": front_end.hop,
        "BANDS": front_end.bands,
        "FIRST_BIN": front_end.segments[0][0],
        "EVEN_SHIFT": front_end.fraction_bits - POWER_BITS + 1,
    }
    defines = "\n".join(f"#define EDGE_LOG_MEL_{name} {value}" for name, value in values.items())
    arrays = (
        f"extern const {array.c_type} {array.name}[{array.data.size}];"
        for array in _arrays(front_end)
    )
    return _HEADER.format(**vars(front_end), defines=defines, declarations="\n".join(arrays))


def _tables(front_end: LogMel) -> str:
    return _SOURCE.format(
        definitions="\n\n".join(
            f"/* {array.comment} */\n{array.definition}" for array in _arrays(front_end)
        )
    )


def _arrays(front_end: LogMel) -> Iterator[ConstArray]:
    shares = np.concatenate([share for _, share in front_end.segments])
    counts = np.array([len(share) for _, share in front_end.segments])
    stages = np.concatenate([stage.reshape(-1) for stage in front_end.stages[1:]])
    for name, data, dtype, comment in (
        ("window", front_end.hann, np.int32, "Hann, Q31"),
        ("reversal", front_end.reversal, np.uint8, "base-4 digits reversed"),
        ("rotations", stages, np.int32, "cosine and sine, Q30: b, c, d of each butterfly"),
        ("unpacking", front_end.unpacking, np.int32, "cosine and sine, Q30"),
        ("segments", counts, np.uint8, "frequencies between the edges of bands"),
        ("shares", shares, np.uint16, "how far along its segment a frequency is, Q8"),
        ("log2", log_table(), np.int16, "log2(1 + i / 32), Q8"),
    ):
        yield ConstArray(f"edge_log_mel_{name}", data.astype(dtype), comment)
