"""A camera that looks for garments, on an emulated Cortex-M7: the frame resident and row by row.

    python -m apps.mcu.camera.demo [--images 12000] [--target cortex-m7]

Trains on frames cut from Fashion-MNIST for about a minute.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

from apps.fashion.data import FASHION, Dataset, fashion_mnist
from apps.mcu.camera import application
from apps.mcu.camera.application import Frame
from apps.mcu.camera.network import NAMES, camera_network, frames, train
from edge.cli.tables import print_table
from edge.errors import EdgeError, fail
from edge.ir import Graph
from edge.reference import run_batch

FORMS: dict[str, dict[str, Any]] = {
    "frame in RAM": {},
    "frame in RAM, layers joined": {"sram": "min"},
    "row by row": {"sram": "min", "input": "rows"},
}
TESTED = 1000


def main() -> None:
    """Run the demo; exit status 1 if the board and Python disagree."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", type=int, default=12_000)
    parser.add_argument("--target", default="cortex-m7")
    parser.add_argument("--out", type=Path, default=Path("out/camera"))
    torch.set_num_threads(1)
    try:
        sys.exit(0 if _demo(parser.parse_args()) else 1)
    except EdgeError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_status)


def _demo(arguments: argparse.Namespace) -> bool:
    if not FASHION.is_dir():
        raise fail(
            "E0001",
            "Fashion-MNIST is not installed",
            help=["apt-get install dataset-fashion-mnist"],
        )
    data = fashion_mnist()
    graph = _trained(data, arguments.images)
    pictures = frames(data.test_images[:TESTED], seed=2)
    print(f"{_right(graph, pictures, data):.1%} of {TESTED:,} frames are right")
    return _looked(graph, pictures[0], NAMES[data.test_labels[0]], arguments)


def _trained(data: Dataset, images: int) -> Graph:
    torch.manual_seed(0)
    network = camera_network()
    pictures = frames(data.train_images[:images], seed=1)
    train(network, pictures, data.train_labels[:images], epochs=2)
    return application.int8_network(network, pictures[:128])


def _right(graph: Graph, pictures: Frame, data: Dataset) -> float:
    """Share of the frames that the int8 network gets right."""
    inputs = (pictures ^ 0x80).view(np.int8)[..., None]
    (scores,) = run_batch(graph, [inputs])
    predicted = scores.reshape(len(pictures), -1).argmax(axis=1)
    return float(np.mean(predicted == data.test_labels[: len(pictures)]))


def _looked(graph: Graph, picture: Frame, name: str, arguments: argparse.Namespace) -> bool:
    """Run every form of the firmware on a picture; whether all saw what Python sees."""
    wanted, rows = application.expected_lines(graph, picture, NAMES), []
    for form, settings in FORMS.items():
        out = arguments.out / form.replace(" ", "-").replace(",", "")
        program = application.build(graph, NAMES, arguments.target, out, **settings)
        run = application.run(program, picture)
        agree = "yes" if list(run.lines) == wanted else "NO"
        rows.append((form, run.lines[0], agree, f"{run.ram['total']:,}", f"{run.instructions:,}"))
    print(f"on the picture: {name}")
    print_table((arguments.target, "seen", "as in Python", "RAM, B", "instructions"), rows)
    return all(row[2] == "yes" for row in rows)


if __name__ == "__main__":
    main()
