"""The camera's firmware sees what Python sees, however little of the frame it holds."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from apps.mcu import firmware
from apps.mcu.camera import application
from apps.mcu.camera.application import Frame, Measured
from apps.mcu.camera.demo import FORMS
from apps.mcu.camera.network import NAMES, SIZE, camera_network, frames
from edge.errors import EdgeError
from edge.frontends import load
from edge.ir import Graph
from edge.toolchains import Program
from tests.models.mlperf_tiny import FILES, needed

needs_qemu = pytest.mark.skipif(
    not shutil.which("qemu-system-arm"), reason="needs qemu-system-arm (apt-get install)"
)


@dataclass(frozen=True, eq=False)
class Camera:
    """A network with seeded weights, a frame, and the firmware of each form with a run of it."""

    graph: Graph
    frame: Frame
    programs: dict[str, Program]
    runs: dict[str, Measured]


@pytest.fixture(scope="module")
def camera(tmp_path_factory: pytest.TempPathFactory) -> Camera:
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 1, (9, 1, 28, 28)).astype(np.float32)
    pictures = frames(images, seed=1)
    graph = application.int8_network(camera_network(), pictures[1:])
    folder = tmp_path_factory.mktemp("camera")
    programs = {
        form: application.build(graph, NAMES, "cortex-m7", folder / str(number), **settings)
        for number, (form, settings) in enumerate(FORMS.items())
    }
    runs = {form: application.run(program, pictures[0]) for form, program in programs.items()}
    return Camera(graph, pictures[0], programs, runs)


@needs_qemu
@pytest.mark.parametrize("form", FORMS)
def test_firmware_sees_what_python_sees(camera: Camera, form: str) -> None:
    wanted = application.expected_lines(camera.graph, camera.frame, NAMES)
    assert list(camera.runs[form].lines) == wanted


@needs_qemu
def test_rows_need_less_ram_than_the_frame_alone(camera: Camera) -> None:
    resident, joined, rows = (camera.runs[form].ram["total"] for form in FORMS)
    assert rows < SIZE * SIZE < joined < resident
    assert camera.runs["row by row"].instructions < 1.02 * camera.runs["frame in RAM"].instructions


@needs_qemu
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"P5 95 96 255 ", "not a binary PGM"),
        (b"P6 96 96 255 ", "not a binary PGM"),
        (b"P5 96 96 65535 ", "not a binary PGM"),
        (b"", "not a binary PGM"),
        (b"P5 96 96 255\n" + bytes(96 * 95 + 7), "ends before its last row"),
    ],
    ids=["width", "colour", "16 bits", "empty", "short"],
)
def test_a_bad_frame_is_named(camera: Camera, content: bytes, message: str) -> None:
    with pytest.raises(EdgeError, match=message) as caught:
        firmware.run(camera.programs["row by row"], {"image.pnm": content})
    assert caught.value.diagnostics[0].code == "E0404"


@needed
@needs_qemu
def test_person_detection_runs_from_a_colour_frame(tmp_path: Path) -> None:
    graph = load(FILES["vww"]).graph
    frame = np.random.default_rng(0).integers(0, 256, (96, 96, 3), np.uint8)
    program = application.build(
        graph, ("nobody", "person"), "cortex-m4", tmp_path / "vww", sram="min", input="rows"
    )
    run = application.run(program, frame)
    wanted = application.expected_lines(graph, frame, ("nobody", "person"))
    assert list(run.lines) == wanted
    assert run.ram["total"] < 16_384
