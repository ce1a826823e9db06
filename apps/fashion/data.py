"""Real images for the demo: Fashion-MNIST where Debian's package is installed, else the digits
that come with scikit-learn.

Both are returned as float32 [N, 1, H, W] in [0, 1] with integer labels, split into train and test.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

FASHION = Path("/usr/share/datasets/fashion-mnist")
Images = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Dataset:
    """A labelled data set with a held-out test part."""

    name: str
    train_images: Images
    train_labels: Labels
    test_images: Images
    test_labels: Labels


def _idx(path: Path, header: int) -> npt.NDArray[np.uint8]:
    """The payload of an IDX file: 16 bytes of header for images, 8 for labels."""
    return np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8, offset=header)


def fashion_mnist() -> Dataset:
    """60,000 + 10,000 images of 28 x 28 (Xiao et al. 2017, arXiv:1708.07747)."""

    def part(stem: str) -> tuple[Images, Labels]:
        pixels = _idx(FASHION / f"{stem}-images-idx3-ubyte.gz", 16).reshape(-1, 1, 28, 28)
        labels = _idx(FASHION / f"{stem}-labels-idx1-ubyte.gz", 8)
        return pixels.astype(np.float32) / 255, labels.astype(np.int64)

    return Dataset("Fashion-MNIST", *part("train"), *part("t10k"))


def digits() -> Dataset:
    """1,797 images of 8 x 8, enlarged to 16 x 16; the last 360 are held out."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = np.kron(bunch.images / 16, np.ones((1, 2, 2)))[:, None].astype(np.float32)
    labels = bunch.target.astype(np.int64)
    return Dataset("digits", images[:-360], labels[:-360], images[-360:], labels[-360:])


def load() -> Dataset:
    """The best data set this machine has."""
    return fashion_mnist() if FASHION.is_dir() else digits()
