"""The application: a trained network as int8, its firmware, and its Python twin.

float network -> streaming int8 graph -> exported C -> firmware with front end and decision
"""

from __future__ import annotations

import io
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

import edge
from apps.mcu import firmware
from apps.mcu.keyword.dataset import FRONT_END, Features, compiled_front_end, training_data
from apps.mcu.keyword.decision import Decision, Detection
from apps.mcu.keyword.network import BANDS, STEP_ROWS, KeywordNetwork, streaming_network
from apps.mcu.keyword.speech import RATE, Samples, Words
from apps.mcu.keyword.training import tensor
from edge.audio import SCALE, write_c
from edge.errors import fail
from edge.frontends import load
from edge.ir import Graph
from edge.quantization.ptq import quantize
from edge.reference import run_batch
from edge.target import load_target
from edge.toolchains import Program

NAME = "kws"
STEP_SAMPLES = STEP_ROWS * FRONT_END.hop
STEP_MS = 1000 * STEP_SAMPLES // RATE
CALIBRATION_CLIPS = 300
_FOLDER = Path(__file__).parent / "firmware"


def int8_network(trained: KeywordNetwork, calibration: Features) -> Graph:
    """The streaming network as int8. `calibration` has clips int8 [N, rows, bands], which are taken
    as one long sequence. The input's scale is the front end's."""
    model = (streaming_network(trained), (torch.zeros(1, 1, STEP_ROWS, BANDS),))
    steps = tensor(calibration.reshape(-1, STEP_ROWS, BANDS)).numpy()
    full = (-128 * SCALE, 127 * SCALE)
    return quantize(
        load(model).graph, steps, observer="percentile", input_range=full, progress=False
    )


def calibration(words: Words) -> Features:
    """Clips with whose ranges the network is quantized: some of the words, in noise."""
    return training_data(words, 1, seed=99).features[:CALIBRATION_CLIPS]


def scores(graph: Graph, features: Features) -> npt.NDArray[np.int8]:
    """Scores int8 [steps, classes] of one stream of features int8 [rows, bands], which begins with
    the first row."""
    steps = len(features) // STEP_ROWS
    rows = features[: steps * STEP_ROWS].reshape(steps, STEP_ROWS, BANDS, 1)
    (found,) = run_batch(graph, [rows])
    return found.reshape(steps, -1)


def decision(graph: Graph) -> Decision:
    """The decision that goes with the scale of the network's scores."""
    quantization = graph.type(graph.outputs[0]).quantization
    assert quantization is not None
    return Decision(quantization.scale[0])


def detect(graph: Graph, samples: Samples) -> list[Detection]:
    """The words in a sound, as the firmware finds them."""
    features = compiled_front_end().features(samples)
    return list(decision(graph).detect(scores(graph, features)))


def line(found: Detection) -> str:
    """What the firmware prints for a word."""
    return f"{(found.step + 1) * STEP_MS} ms {found.word} {found.percent / 100:.2f}"


def expected_lines(graph: Graph, samples: Samples) -> list[str]:
    """All that the firmware prints about a sound."""
    heard = len(samples) // STEP_SAMPLES * STEP_MS
    return [*map(line, detect(graph, samples)), f"heard {heard} ms"]


def build(graph: Graph, target: str, out: Path, toolchain: str | None = None) -> Program:
    """Export the network into `out`, add front end and decision, and link the firmware."""
    edge.export(graph, target, out, name=NAME)
    generated = out / "app"
    front_end = write_c(FRONT_END, generated)
    (generated / "decision_settings.h").write_text(decision(graph).c_header(), encoding="utf-8")
    files = (*front_end, *sorted(_FOLDER.glob("*.c")))
    sources = firmware.Sources(files, (generated, _FOLDER))
    return firmware.build(out, sources, load_target(target), toolchain)


def wav(samples: Samples) -> bytes:
    """A WAV file, 16 bits, one channel."""
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setparams((1, 2, RATE, len(samples), "NONE", ""))
        file.writeframes(samples.astype("<i2").tobytes())
    return content.getvalue()


def read_wav(path: Path) -> Samples:
    """The samples of a WAV file. Raises EdgeError: E0001 if there is none, E0014 if it is not of 16
    bits, one channel and 16 kHz."""
    if not path.is_file():
        raise fail("E0001", f"no such file: {path}")
    try:
        with wave.open(str(path), "rb") as file:
            found = (file.getsampwidth() * 8, file.getnchannels(), file.getframerate())
            content = file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        raise fail(
            "E0014", f"{path} is not a WAV file of PCM samples", notes=[str(error)]
        ) from error
    if found != (16, 1, RATE):
        raise fail(
            "E0014",
            f"{path} has {found[0]} bits, {found[1]} channels and {found[2]:,} Hz",
            help=[f"give 16 bits, one channel, {RATE:,} Hz"],
        )
    return np.frombuffer(content, "<i2")


@dataclass(frozen=True)
class Measured:
    """A run of the firmware: what it printed, bytes of RAM and flash, and instructions of one row
    of the front end, one step of the network, one decision, and a second of sound."""

    lines: Sequence[str]
    ram: dict[str, int]
    flash: int
    row: int
    network: int
    decision: int

    @property
    def instructions_per_second(self) -> int:
        steps = RATE / STEP_SAMPLES
        return round(steps * (STEP_ROWS * self.row + self.network + self.decision))


def run(program: Program, samples: Samples) -> Measured:
    """Run the firmware on a sound. Instructions are the most that any row and step took."""
    done = firmware.run(program, {"audio.wav": wav(samples)}, count=True)
    row, network, decided = _most(done.instructions)
    return Measured(
        done.lines, firmware.ram(program, done), firmware.flash(program), row, network, decided
    )


def _most(parts: Sequence[int]) -> tuple[int, int, int]:
    """Marks of a step: two around each row, then before and after the network, after the decision.
    What lies between rows is reading the sound and does not count."""
    marks = 2 * STEP_ROWS + 3
    steps = np.array([parts[i : i + marks - 1] for i in range(0, len(parts) - marks + 2, marks)])
    rows = steps[:, 0 : 2 * STEP_ROWS : 2]
    return int(rows.max()), int(steps[:, -2].max()), int(steps[:, -1].max())
