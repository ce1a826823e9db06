"""The whole road on real images: train, quantize, export for a Cortex-M7, verify, measure, report.

    python apps/fashion/demo.py --out out/fashion

Where QEMU cannot be had, the same program runs on the host instead.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from pathlib import Path

import numpy as np
import torch
from data import Dataset, load
from network import accuracy, separable_network, train

import edge
from edge.cli.tables import print_table
from edge.frontends import load as load_model
from edge.report.page import write_report

TRAIN_IMAGES = 40_000
EPOCHS = 5


def main() -> None:
    """Run the demo; exit status 1 if the device and the reference disagree."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("out/fashion"))
    parser.add_argument("--target", default="cortex-m7")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)

    data = load()
    network = _trained(data)
    sample = torch.from_numpy(data.test_images[:1])
    model = load_model((network, (sample,)))
    int8 = edge.quantize(model, data.train_images[:256])
    edge.export(int8, arguments.target, arguments.out, name="fashion")

    on = None if shutil.which("qemu-system-arm") else "host"
    verification = edge.verify(arguments.out, on=on)
    measured = edge.bench(arguments.out, on=on)
    float_accuracy, int8_accuracy = accuracy(network, data), _int8_accuracy(arguments.out, data)

    rows = [
        ("data", data.name),
        ("float32 accuracy", f"{float_accuracy:.4f}"),
        ("int8 accuracy", f"{int8_accuracy:.4f} on all {len(data.test_images):,} test images"),
        ("verified", f"{verification.runner}: {verification.mismatches} mismatches in "
                     f"{verification.values:,} values"),
        ("instructions", f"{measured.instructions or 0:,} an inference"),
        ("RAM", f"{measured.ram.get('total', 0):,} B"),
        ("flash", f"{measured.flash.get('total', 0):,} B"),
        ("report", str(write_report(arguments.out, on=on).page)),
    ]  # fmt: skip
    print_table(("", "fashion on " + arguments.target), rows)
    sys.exit(0 if verification.ok else 1)


def _trained(data: Dataset) -> torch.nn.Module:
    images, labels = data.train_images[:TRAIN_IMAGES], data.train_labels[:TRAIN_IMAGES]
    epochs = EPOCHS * max(1, min(6, TRAIN_IMAGES // len(images)))
    network, start = separable_network(), time.monotonic()

    def progress(epoch: int, loss: float) -> None:
        seconds = time.monotonic() - start
        print(f"epoch {epoch + 1}/{epochs}: loss {loss:.3f}, {seconds:.0f} s", file=sys.stderr)

    train(network, images, labels, epochs=epochs, progress=progress)
    return network


def _int8_accuracy(out: Path, data: Dataset) -> float:
    """Share of the test images that the exported program gets right, run on the host."""
    (logits,) = edge.run(out, [data.test_images], on="host")
    predicted = logits.reshape(len(logits), -1).argmax(1)
    return float(np.mean(predicted == data.test_labels))


if __name__ == "__main__":
    main()
