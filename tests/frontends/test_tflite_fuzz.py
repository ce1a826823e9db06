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

import pytest

from edge.errors import EdgeError
from edge.frontends.tflite import load_tflite
from edge.frontends.tflite.flatbuffer import Source
from edge.ir import check, macs
from tests.frontends.tflite_networks import float_network, int8_network
from tests.frontends.tflite_streaming import streaming_network

MODELS = Path(__file__).parents[3] / "shared" / "models" / "mlperf-tiny"
BATCHES, SEEDS_A_BATCH = 20, 100
SECONDS_A_FILE = 2.0
MEGABYTES_GROWN = 256

INTERESTING = (
    0, 1, 2, 3, 4, 8, 16, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 1 << 20, 1 << 30, 0x7FFFFFFF,
    0x80000000, 0xFFFFFFFC, 0xFFFFFFFF, 0x7FC00000, 0x7F800000, 0xBF800000, 0x3F800000,
)  # fmt: skip


@functools.cache
def bases() -> tuple[tuple[bytes, tuple[int, ...]], ...]:
    """Sound files, the real ones only where present, with the places that the reader looks at."""
    files = [int8_network(), float_network(), streaming_network()]
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
