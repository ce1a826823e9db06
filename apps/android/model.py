"""The network of the sample app: scikit-learn's digits, trained, quantized, exported as a package.

python apps/android/model.py [--out apps/android/digits]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

import edge

EPOCHS, BATCH, TRAINED = 15, 64, 1437


def main() -> None:
    """Train and export."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "digits")
    accuracy = write(parser.parse_args().out)
    print(f"int8 accuracy on {1797 - TRAINED} held-out digits: {accuracy:.4f}")


def write(out: Path, epochs: int = EPOCHS) -> float:
    """Export the trained network; the accuracy of the integer graph on the held-out digits."""
    bunch = load_digits()
    images = (bunch.images / 16)[:, None].astype(np.float32)
    network = _trained(torch.from_numpy(images[:TRAINED]), torch.tensor(bunch.target[:TRAINED]),
                       epochs)  # fmt: skip
    example = (torch.from_numpy(images[:1]),)
    samples = np.ascontiguousarray(images[:256].transpose(0, 2, 3, 1))
    edge.export((network, example), "android-arm64", out, samples, name="digits",
                package=["android"], progress=False)  # fmt: skip
    held_out = np.ascontiguousarray(images[TRAINED:].transpose(0, 2, 3, 1))
    (scores,) = edge.run(out, [held_out], on="host")
    found = scores.reshape(len(held_out), -1).argmax(1)
    return float((found == bunch.target[TRAINED:]).mean())


def _trained(images: torch.Tensor, labels: torch.Tensor, epochs: int) -> nn.Module:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 24, 3, stride=2, padding=1),
        nn.ReLU(), nn.Flatten(), nn.Linear(24 * 16, 10),
    )  # fmt: skip
    optimizer = torch.optim.Adam(network.parameters(), 2e-3)
    for _ in range(epochs):
        for batch in torch.randperm(len(images)).split(BATCH):
            loss = nn.functional.cross_entropy(network(images[batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return network.eval()


if __name__ == "__main__":
    main()
