"""2,000 damaged .tflite files: each one loads to a sound graph or ends in an EdgeError, quickly.

The files are made from small models of many operators and, where present, from the MLPerf Tiny
models. Half of the changes hit places that the reader looks at (offsets, lengths, field lists,
scalars); `mutant(seed)` makes the same file again.
"""

from __future__ import annotations

import functools
import random
import resource
import time
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest

from edge.errors import EdgeError
from edge.frontends.tflite import load_tflite
from edge.frontends.tflite.flatbuffer import Source
from edge.ir import check, macs
from tests.frontends.tflite_builder import Operator, Tensor, build_model, constant

MODELS = Path(__file__).parents[3] / "shared" / "models" / "mlperf-tiny"
BATCHES, SEEDS_A_BATCH = 20, 100
SECONDS_A_FILE = 2.0
MEGABYTES_GROWN = 256

INTERESTING = (
    0, 1, 2, 3, 4, 8, 16, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 1 << 20, 1 << 30, 0x7FFFFFFF,
    0x80000000, 0xFFFFFFFC, 0xFFFFFFFF, 0x7FC00000, 0x7F800000, 0xBF800000, 0x3F800000,
)  # fmt: skip


def int8_network() -> bytes:
    """Convolutions, pooling, a residual, resizing, padding, concatenation, a classifier."""
    rng = np.random.default_rng(1)

    def weight(name: str, *shape: int, axis: int = 0) -> Tensor:
        data = rng.integers(-127, 128, shape, np.int8)
        return constant(name, data, [0.01] * shape[axis], axis=axis)

    images = ("x", "c", "d", "a", "m", "u", "p", "k")
    shapes = ((8, 8, 2), (4, 4, 4), (4, 4, 4), (4, 4, 4), (2, 2, 4), (4, 4, 4), (6, 6, 4))
    tensors = [Tensor(n, (1, *s), scale=0.5) for n, s in zip(images, shapes, strict=False)]
    tensors += [
        Tensor("k", (1, 6, 6, 8), scale=0.5),
        Tensor("f", (1, 8), scale=0.1, zero_point=-3),
        Tensor("l", (1, 3), scale=0.2),
        Tensor("y", (1, 3), scale=1 / 256, zero_point=-128),
        weight("w0", 4, 3, 3, 2),
        weight("w1", 1, 3, 3, 4, axis=3),
        weight("w2", 3, 8),
        constant("b0", np.arange(4, dtype=np.int32), [0.005] * 4),
        constant("pads", np.array([[0, 0], [1, 1], [1, 1], [0, 0]], np.int32)),
        constant("size", np.array([4, 4], np.int32)),
        constant("axes", np.array([1, 2], np.int32)),
    ]
    operators = [
        Operator("CONV_2D", ("x", "w0", "b0"), ("c",), {"strideH": 2, "strideW": 2}),
        Operator("DEPTHWISE_CONV_2D", ("c", "w1", "b0"), ("d",), {"strideH": 1, "strideW": 1}),
        Operator("ADD", ("c", "d"), ("a",), {"fusedActivationFunction": 1}),
        Operator(
            "MAX_POOL_2D", ("a",), ("m",),
            {"strideH": 2, "strideW": 2, "filterHeight": 2, "filterWidth": 2},
        ),
        Operator("RESIZE_NEAREST_NEIGHBOR", ("m", "size"), ("u",)),
        Operator("PAD", ("u", "pads"), ("p",)),
        Operator("CONCATENATION", ("p", "p"), ("k",), {"axis": 3}),
        Operator("MEAN", ("k", "axes"), ("f",)),
        Operator("FULLY_CONNECTED", ("f", "w2"), ("l",)),
        Operator("SOFTMAX", ("l",), ("y",), {"beta": 1.0}),
    ]  # fmt: skip
    return build_model(tensors, operators, ("x",), ("y",))


def float_network() -> bytes:
    """Half-precision weights, shape arithmetic, slices, splits, functions of one value."""
    numbers = {"zero": 0, "one": 1, "rest": 12, "axis": 1}
    tensors = [
        Tensor("x", (1, 4, 4, 3), "float32"),
        constant("begin", np.array([0, 0, 0, 0], np.int32)),
        constant("end", np.array([1, 4, 4, 3], np.int32)),
        constant("step", np.array([1, 2, 2, 1], np.int32)),
        Tensor("s", (1, 2, 2, 3), "float32"),
        Tensor("shape", (4,), "int32"),
        *(constant(name, np.array([n], np.int32)) for name, n in numbers.items()),
        Tensor("batch", (), "int32"),
        Tensor("target", (2,), "int32"),
        Tensor("r", (1, 12), "float32"),
        constant("half", np.ones((4, 12), np.float16)),
        Tensor("w", (4, 12), "float32"),
        Tensor("h", (1, 4), "float32"),
        Tensor("g", (1, 4), "float32"),
        Tensor("left", (1, 2), "float32"),
        Tensor("right", (1, 2), "float32"),
        Tensor("y", (1, 2), "float32"),
    ]
    operators = [
        Operator("STRIDED_SLICE", ("x", "begin", "end", "step"), ("s",)),
        Operator("SHAPE", ("s",), ("shape",), {"outType": 2}),
        Operator(
            "STRIDED_SLICE", ("shape", "zero", "one", "one"), ("batch",), {"shrinkAxisMask": 1}
        ),
        Operator("PACK", ("batch", "rest"), ("target",), {"valuesCount": 2}),
        Operator("RESHAPE", ("s", "target"), ("r",)),
        Operator("DEQUANTIZE", ("half",), ("w",)),
        Operator("FULLY_CONNECTED", ("r", "w"), ("h",), {"fusedActivationFunction": 3}),
        Operator("LEAKY_RELU", ("h",), ("g",), {"alpha": 0.1}),
        Operator("SPLIT", ("axis", "g"), ("left", "right"), {"numSplits": 2}),
        Operator("MUL", ("left", "right"), ("y",)),
    ]
    return build_model(tensors, operators, ("x",), ("y",))


@functools.cache
def bases() -> tuple[tuple[bytes, tuple[int, ...]], ...]:
    """Sound files, the real ones only where present, with the places that the reader looks at."""
    files = [int8_network(), float_network()]
    files += [path.read_bytes() for path in sorted(MODELS.glob("*.tflite"))]
    return tuple((file, places_read(file)) for file in files)


def places_read(file: bytes) -> tuple[int, ...]:
    places: set[int] = set()
    span = Source.span

    def recorded(source: Source, position: int, nbytes: int) -> int:
        places.add(position)
        return span(source, position, nbytes)

    with patch.object(Source, "span", recorded):
        load_tflite(file)
    return tuple(sorted(places))


def overwrite(file: bytes, at: int, new: bytes) -> bytes:
    return file[:at] + new[: len(file) - at] + file[at + len(new) :]


def flip_bits(rng: random.Random, file: bytes, places: tuple[int, ...]) -> bytes:
    at = rng.randrange(len(file))
    return overwrite(file, at, bytes([file[at] ^ 1 << rng.randrange(8)]))


def truncate(rng: random.Random, file: bytes, places: tuple[int, ...]) -> bytes:
    return file[: rng.randrange(len(file))]


def splice(rng: random.Random, file: bytes, places: tuple[int, ...]) -> bytes:
    """A piece of one file written over, or put into, another one."""
    donor, _ = rng.choice(bases())
    start, at = rng.randrange(len(donor)), rng.randrange(len(file))
    piece = donor[start : start + rng.choice((1, 4, 16, 256))]
    return overwrite(file, at, piece) if rng.random() < 0.5 else file[:at] + piece + file[at:]


def change_byte(rng: random.Random, file: bytes, places: tuple[int, ...]) -> bytes:
    return overwrite(file, rng.choice(places), bytes([rng.randrange(256)]))


def change_word(rng: random.Random, file: bytes, places: tuple[int, ...]) -> bytes:
    """An offset, a length or a scalar becomes an extreme, a neighbour or another place's word."""
    at, width = rng.choice(places), rng.choice((2, 4))
    old = int.from_bytes(file[at : at + width], "little")
    other = rng.choice(places)
    new = rng.choice((
        rng.choice(INTERESTING), old + rng.choice((-4, -2, -1, 1, 2, 4)), -old, len(file) - at,
        other - at, int.from_bytes(file[other : other + width], "little"),
    ))  # fmt: skip
    return overwrite(file, at, (new % (1 << 8 * width)).to_bytes(width, "little"))


def change_word_after(rng: random.Random, file: bytes, places: tuple[int, ...]) -> bytes:
    """As `change_word`, in the numbers behind a length: shapes, indices, scales."""
    shifted = tuple(min(place + 4 * rng.randrange(5), len(file) - 1) for place in places[:512])
    return change_word(rng, file, shifted)


Mutator = Callable[[random.Random, bytes, tuple[int, ...]], bytes]
MUTATORS: tuple[Mutator, ...] = (
    flip_bits, truncate, splice, change_byte, change_byte,
    change_word, change_word, change_word_after,
)  # fmt: skip


def mutant(seed: int) -> bytes:
    """A sound file with one to four changes."""
    rng = random.Random(seed)
    file, places = rng.choice(bases())
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        inside = tuple(place for place in places if place < len(file)) or (0,)
        file = rng.choice(MUTATORS)(rng, file or b"\0", inside)
    return file


def outcome(file: bytes) -> int:
    """0 if the file loads, else the exit status of its error."""
    try:
        graph = load_tflite(file)
    except EdgeError as error:
        return error.exit_status if str(error).startswith("error[E0") else -1
    check(graph)
    assert all(macs(graph, node) >= 0 for node in graph.nodes)
    return 0


@pytest.mark.parametrize("batch", range(BATCHES))
def test_damaged_files_load_or_are_refused(batch: int) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcomes: dict[int, int] = {}
    for seed in range(batch * SEEDS_A_BATCH, (batch + 1) * SEEDS_A_BATCH):
        file = mutant(seed)
        start = time.perf_counter()
        status = outcome(file)
        assert time.perf_counter() - start < SECONDS_A_FILE, f"seed {seed} is slow"
        outcomes[status] = outcomes.get(status, 0) + 1
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < MEGABYTES_GROWN * 1024
    assert outcomes.keys() <= {0, 2, 3}
    assert outcomes[2] > SEEDS_A_BATCH // 10, f"the changes hardly matter: {outcomes}"


def test_the_unchanged_files_load() -> None:
    assert [outcome(file) for file, _ in bases()] == [0] * len(bases())
