"""The application: a network whose frame comes row by row, its firmware, and its Python twin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import nn

import edge
from apps.mcu import firmware
from apps.mcu.camera.network import tensor
from edge.frontends import load
from edge.ir import Graph
from edge.quantization.ptq import quantize
from edge.reference import run_batch
from edge.target import load_target
from edge.toolchains import Program

NAME = "camera"
Frame = npt.NDArray[np.uint8]
_FOLDER = Path(__file__).parent / "firmware"
_SETTINGS = """/* SPDX-License-Identifier: Apache-2.0
 *
 * What the network looks at and for, written by apps/mcu/camera/application.py.
 */
#ifndef CAMERA_SETTINGS_H
#define CAMERA_SETTINGS_H

#define FRAME_WIDTH {width}
#define FRAME_HEIGHT {height}
#define FRAME_CHANNELS {channels}

static const char *const camera_names[] = {{{names}}};

#endif
"""


@dataclass(frozen=True)
class Measured:
    """A run of the firmware: what it printed, bytes of RAM and flash, instructions of a frame."""

    lines: Sequence[str]
    ram: dict[str, int]
    flash: int
    instructions: int


def int8_network(network: nn.Module, pictures: Frame) -> Graph:
    """The network as int8, calibrated on pictures uint8 [N, height, width]; it takes a byte of the
    camera less 128."""
    inputs = tensor(pictures)
    model = load((network.eval(), (inputs[:1],)))
    return quantize(model.graph, inputs.numpy(), input_range=(0.0, 1.0), progress=False)


def scores(graph: Graph, frame: Frame) -> npt.NDArray[np.int8]:
    """Scores int8 of one frame uint8 [height, width] or [height, width, channels]."""
    shape = graph.type(graph.inputs[0]).shape
    (found,) = run_batch(graph, [(frame ^ 0x80).view(np.int8).reshape(shape)])
    return found.reshape(-1)


def expected_lines(graph: Graph, frame: Frame, names: Sequence[str]) -> list[str]:
    """What the firmware prints about a frame."""
    found = scores(graph, frame)
    return [names[int(found.argmax())], "scores " + " ".join(map(str, found))]


def build(graph: Graph, names: Sequence[str], target: str, out: Path, **settings: Any) -> Program:
    """Export the network into `out` and link the firmware. `settings` are those of `edge.export`:
    `input="rows"` for a frame that is never in memory, `sram="min"` for the least of it."""
    exported = edge.export(graph, target, out, name=NAME, **settings)
    _, height, width, channels = exported.graph.type(exported.graph.inputs[0]).shape
    generated = out / "app"
    generated.mkdir(exist_ok=True)
    text = _SETTINGS.format(
        width=width, height=height, channels=channels, names=", ".join(f'"{n}"' for n in names)
    )
    (generated / "camera_settings.h").write_text(text, encoding="utf-8")
    sources = firmware.Sources(tuple(sorted(_FOLDER.glob("*.c"))), (generated, _FOLDER))
    return firmware.build(out, sources, load_target(target))


def pnm(frame: Frame) -> bytes:
    """A binary PGM or PPM file."""
    kind = "P6" if frame.ndim == 3 and frame.shape[2] == 3 else "P5"
    return f"{kind}\n# frame\n{frame.shape[1]} {frame.shape[0]}\n255\n".encode() + frame.tobytes()


def run(program: Program, frame: Frame) -> Measured:
    """Run the firmware on a frame."""
    done = firmware.run(program, {"image.pnm": pnm(frame)}, count=True)
    used = sum(done.instructions[::2])
    return Measured(done.lines, firmware.ram(program, done), firmware.flash(program), used)
