"""Words spoken by Debian's espeak-ng, with different speakers for training and testing.

A speaker is one of espeak-ng's voice variants; the accent, the speed and the pitch are drawn for
each word. Synthetic voices check the whole chain, they say nothing about people.
"""

from __future__ import annotations

import io
import random
import shutil
import subprocess
import wave
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge.errors import fail

Samples = npt.NDArray[np.int16]

RATE = 16_000
KEYWORDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")
# No word that sounds like a keyword in one of the accents ("write", "know"): no ear could tell.
OTHERS = (
    "cat", "dog", "bird", "tree", "house", "happy", "wow", "marvin", "bed", "four", "seven",
    "nine", "sheila", "zero", "three", "six", "water", "music", "hello", "light", "yellow",
    "snow", "pup", "town", "lift", "gone", "often", "top", "backward", "forward", "follow",
    "learn", "visual", "one", "two", "five", "eight", "window", "garden", "open", "close",
    "lamp", "red", "green", "blue", "morning", "tomorrow", "kitchen", "question", "answer",
    "river", "stone", "paper", "pencil", "doctor", "number", "people", "little", "because",
    "another", "under", "over", "nothing", "table",
)  # fmt: skip
# Heard by no network before the test.
UNHEARD = (
    "apple", "machine", "orange", "coffee", "seventy", "dinner", "sister", "market", "engine",
    "summer",
)  # fmt: skip
ACCENTS = (
    "en-us", "en-gb", "en-gb-scotland", "en-gb-x-rp", "en-029", "en-gb-x-gbclan", "en-gb-x-gbcwmd",
)  # fmt: skip
# Whispers and robots are no voices; the klatt family clips.
_NO_VOICES = ("whisper", "robosoft", "demonic", "zac", "croak", "klatt")
_TEST_SHARE = 5  # one voice in five
_LOUD = 200  # sample value that speech exceeds and espeak-ng's silence does not
_SHORTEST = 500


@dataclass(frozen=True)
class Utterance:
    """What espeak-ng is to say. Speed is in words a minute, pitch from 0 to 99."""

    word: str
    accent: str
    voice: str
    speed: int
    pitch: int


@dataclass(frozen=True, eq=False)
class Words:
    """Spoken words, one after the other: `samples[starts[i]:starts[i + 1]]` is word i.

    `words[i]` is what was said, as an index into KEYWORDS + OTHERS + UNHEARD.
    """

    samples: Samples
    starts: npt.NDArray[np.int64]
    words: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.words)

    def __getitem__(self, index: int) -> Samples:
        return self.samples[self.starts[index] : self.starts[index + 1]]

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """Class of each word: its keyword, or len(KEYWORDS) for any other word."""
        return np.minimum(self.words, len(KEYWORDS))


@dataclass(frozen=True, eq=False)
class Speech:
    """Training words and test words, by different speakers."""

    train: Words
    test: Words


def say(utterance: Utterance) -> Samples:
    """The word as espeak-ng says it, at 16 kHz, without silence around it.

    Raises EdgeError E0401 if espeak-ng is not installed.
    """
    program = shutil.which("espeak-ng")
    if not program:
        raise fail("E0401", "espeak-ng is not installed", help=["apt-get install espeak-ng"])
    voice = f"{utterance.accent}+{utterance.voice}" if utterance.voice else utterance.accent
    settings = ["-s", str(utterance.speed), "-p", str(utterance.pitch)]
    command = [program, "-v", voice, *settings, "--stdout", utterance.word]
    done = subprocess.run(command, capture_output=True, check=True, timeout=60)
    return trimmed(at_16_khz(*_decoded(done.stdout)))


def _decoded(content: bytes) -> tuple[Samples, int]:
    """Samples and rate. espeak-ng writes to a pipe, so the length in its header means nothing."""
    with wave.open(io.BytesIO(content)) as file:
        rate = file.getframerate()
    return np.frombuffer(content[44:], "<i2"), rate


def at_16_khz(samples: Samples, rate: int) -> Samples:
    """The same sound at 16 kHz, by leaving out the frequencies above 8 kHz."""
    length = round(len(samples) * RATE / rate)
    if length == len(samples):
        return samples
    spectrum = np.fft.rfft(samples)[: length // 2 + 1]
    return (
        np.round(np.fft.irfft(spectrum, length) * (length / len(samples)))
        .clip(-32768, 32767)
        .astype(np.int16)
    )


def trimmed(samples: Samples) -> Samples:
    """At most one second from the first to the last loud sample."""
    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > _LOUD)
    return samples[loud[0] : loud[-1] + 1][:RATE] if len(loud) else samples[:0]


def voices() -> tuple[list[str], list[str]]:
    """Voice variants for training and for testing, disjoint and always the same."""
    listed = subprocess.run(
        ["espeak-ng", "--voices=variant"], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    files = {line.split("!v/")[1].split()[0] for line in listed.splitlines() if "!v/" in line}
    usable = sorted(file for file in files if not file.lower().startswith(_NO_VOICES))
    random.Random(7).shuffle(usable)
    count = len(usable) // _TEST_SHARE
    return usable[count:], usable[:count]


def _plan(
    voices_: Sequence[str], counts: Sequence[tuple[Sequence[str], int]], seed: int
) -> list[Utterance]:
    draw = random.Random(seed)
    return [
        Utterance(
            word,
            draw.choice(ACCENTS),
            draw.choice(voices_),
            draw.randint(110, 210),
            draw.randint(20, 80),
        )
        for words, count in counts
        for word in words
        for _ in range(count)
    ]


def _spoken(plan: Sequence[Utterance]) -> Words:
    names = [*KEYWORDS, *OTHERS, *UNHEARD]
    with ThreadPoolExecutor(2) as pool:
        said = [
            (names.index(utterance.word), samples)
            for utterance, samples in zip(plan, pool.map(say, plan), strict=True)
            if len(samples) >= _SHORTEST
        ]
    starts = np.cumsum([0, *(len(samples) for _, samples in said)])
    words = np.array([word for word, _ in said])
    return Words(np.concatenate([samples for _, samples in said]), starts, words)


def synthesize(keyword_count: int = 320, other_count: int = 20) -> Speech:
    """`keyword_count` utterances of each keyword and `other_count` of each other word to train on,
    and always the same test words: 40 of each keyword, 4 of each other and 12 of each unheard one.
    """
    train, test = voices()
    counts = [(KEYWORDS, 40), (OTHERS, 4), (UNHEARD, 12)]
    return Speech(
        _spoken(_plan(train, [(KEYWORDS, keyword_count), (OTHERS, other_count)], seed=1)),
        _spoken(_plan(test, counts, seed=2)),
    )


def cached_speech(path: Path) -> Speech:
    """The speech in the file, synthesized first if it is not there.

    An .npz file with `train_samples`, `train_starts`, `train_words`, and the same for `test`: a
    data set of people speaking takes its place in this form.
    """
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        speech = synthesize()
        parts = {"train": speech.train, "test": speech.test}
        arrays = {
            f"{name}_{key}": value
            for name, part in parts.items()
            for key, value in vars(part).items()
        }
        np.savez(path, **arrays)
    with np.load(path) as file:
        keys = ("samples", "starts", "words")
        train, test = (
            Words(*(file[f"{part}_{key}"] for key in keys)) for part in ("train", "test")
        )
    return Speech(train, test)
