"""Keyword spotting: the shipped network hears words, and firmware and Python hear the same."""

from __future__ import annotations

import ctypes
import random
import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from apps.mcu import firmware
from apps.mcu.keyword import application, mixing, weights
from apps.mcu.keyword.dataset import training_data
from apps.mcu.keyword.decision import WINDOW, Decision
from apps.mcu.keyword.network import (
    BANDS,
    STEP_ROWS,
    KeywordNetwork,
    parameters,
    streaming_network,
)
from apps.mcu.keyword.sentence import sentence
from apps.mcu.keyword.speech import ACCENTS, KEYWORDS, RATE, Samples, Utterance, Words, say, voices
from apps.mcu.keyword.training import Effort, train
from edge.audio import SCALE
from edge.errors import EdgeError
from edge.ir import Graph
from edge.target import load_target
from edge.toolchains import Program, find_toolchain
from edge.workflow.export import model_json

FIRMWARE = Path(application.__file__).parent / "firmware"
TARGETS = ("cortex-m4", "cortex-m7")
RAM_BUDGET = 24 * 1024

needs_espeak = pytest.mark.skipif(
    not shutil.which("espeak-ng"), reason="needs espeak-ng (apt-get install)"
)
needs_qemu = pytest.mark.skipif(
    not shutil.which("qemu-system-arm"), reason="needs qemu-system-arm (apt-get install)"
)


@pytest.fixture(scope="module")
def network() -> Graph:
    return weights.load_int8()


@pytest.fixture(scope="module")
def programs(network: Graph, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Program]:
    folder = tmp_path_factory.mktemp("keyword")
    return {target: application.build(network, target, folder / target) for target in TARGETS}


def test_shipped_network_is_small_and_takes_the_rows_of_the_front_end(network: Graph) -> None:
    assert weights.SHIPPED.stat().st_size <= 30 * 1024
    assert model_json(network, "kws")["parameters"] <= 20_000
    (name,) = network.inputs
    taken = network.type(name)
    assert taken.shape == (1, STEP_ROWS, BANDS, 1)
    assert taken.quantization is not None
    assert (taken.quantization.scale, taken.quantization.zero_point) == ((SCALE,), (0,))


def test_shipped_file_is_what_the_script_writes(network: Graph, tmp_path: Path) -> None:
    weights.save_int8(weights.with_short_scales(network), tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == weights.SHIPPED.read_bytes()


def test_a_damaged_network_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad").write_bytes(weights.SHIPPED.read_bytes()[:1000])
    with pytest.raises(EdgeError, match="E0030"):
        weights.load_int8(tmp_path / "bad")


def test_a_stream_computes_what_the_whole_clip_does() -> None:
    torch.manual_seed(1)
    clip = KeywordNetwork().eval()
    stream = streaming_network(clip)
    x = torch.randn(1, 1, 6 * STEP_ROWS, BANDS)
    with torch.no_grad():
        steps = torch.stack([stream(part) for part in x.split(STEP_ROWS, dim=2)], dim=2)
        torch.testing.assert_close(steps, clip(x), rtol=1e-4, atol=1e-4)
    assert parameters(clip) <= 20_000


@needs_espeak
def test_shipped_network_knows_words_of_voices_it_was_not_trained_on(network: Graph) -> None:
    draw = random.Random(11)
    _, unseen = voices()
    heard = []
    for word in KEYWORDS * 3:
        speaker = Utterance(word, draw.choice(ACCENTS), draw.choice(unseen), 140, 50)
        clip = np.zeros(mixing.LENGTH, np.int16)
        spoken = say(speaker)
        clip[mixing.BEFORE + 2000 : mixing.BEFORE + 2000 + len(spoken)] = spoken[:14000] // 2
        noisy = clip + np.random.default_rng(3).normal(0, 25, len(clip)).round().astype(np.int16)
        features = application.compiled_front_end().features(noisy)
        scores = application.scores(network, features)[-WINDOW:].astype(int).sum(axis=0)
        heard.append(mixing.CLASSES[int(scores.argmax())] == word)
    assert np.mean(heard) >= 0.8


@needs_espeak
@needs_qemu
@pytest.mark.parametrize(
    ("words", "accent", "voice"),
    [("yes stop water go left", "en-us", ""), ("right seven no off up down", "en-gb", "Alicia")],
    ids=["male", "female"],
)
def test_firmware_hears_the_words_and_what_python_hears(
    programs: dict[str, Program], network: Graph, words: str, accent: str, voice: str
) -> None:
    samples = sentence(words.split(), accent, voice)
    spoken = [word for word in words.split() if word in KEYWORDS]
    assert [found.word for found in application.detect(network, samples)] == spoken
    for program in programs.values():
        run = application.run(program, samples)
        assert list(run.lines) == application.expected_lines(network, samples)
        assert run.ram["total"] <= RAM_BUDGET // 2
        assert run.instructions_per_second < 5_000_000


@pytest.fixture(scope="module")
def decide(network: Graph, tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """firmware/decision.c as a library of this machine."""
    folder = tmp_path_factory.mktemp("decision")
    header = application.decision(network).c_header()
    (folder / "decision_settings.h").write_text(header)
    (folder / "state.c").write_text(
        '#include "decision.h"\nstatic decision state;\n'
        "int32_t push(const int8_t *scores, int32_t *percent);\n"
        "int32_t push(const int8_t *scores, int32_t *percent) "
        "{ return decision_push(&state, scores, percent); }\n"
    )
    command = find_toolchain(None, load_target("host")).command
    flags = ["-std=c99", "-shared", "-fPIC", "-Wall", "-Wextra", "-Wconversion", "-Werror",
             "-fsanitize=undefined", "-fsanitize-trap=undefined"]  # fmt: skip
    sources = [str(folder / "state.c"), str(FIRMWARE / "decision.c")]
    includes = [f"-I{folder}", f"-I{FIRMWARE}"]
    made = folder / "decision.so"
    subprocess.run([*command, *flags, *includes, *sources, "-o", str(made)], check=True)
    return ctypes.CDLL(str(made))


def test_decision_in_c_is_that_of_python(decide: ctypes.CDLL, network: Graph) -> None:
    rng = np.random.default_rng(2)
    leaders = np.repeat(rng.integers(0, len(mixing.CLASSES), 200), rng.integers(1, 30, 200))
    scores = rng.integers(-128, 60, (len(leaders), len(mixing.CLASSES)))
    scores[np.arange(len(leaders)), leaders] += rng.integers(0, 90, len(leaders))
    scores = scores.clip(-128, 127).astype(np.int8)
    percent, found = ctypes.c_int32(), []
    for step, row in enumerate(scores):
        word = decide.push(row.ctypes.data_as(ctypes.c_void_p), ctypes.byref(percent))
        if word >= 0:
            found.append((step, KEYWORDS[word], percent.value))
    wanted = [(d.step, d.word, d.percent) for d in application.decision(network).detect(scores)]
    assert found == wanted
    assert len(found) > 20


def test_a_word_counts_once_until_another_class_led() -> None:
    scores = np.full((60, len(mixing.CLASSES)), -100, np.int8)
    scores[:20, 3] = scores[40:, 3] = 100
    scores[20:40, mixing.SILENCE] = 100
    assert [d.word for d in Decision(scale=0.5).detect(scores)] == [KEYWORDS[3]] * 2


def _chunks(*parts: tuple[bytes, bytes]) -> bytes:
    body = b"".join(
        name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2) for name, data in parts
    )
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


def _format(channels: int = 1, rate: int = RATE, bits: int = 16) -> tuple[bytes, bytes]:
    frame = channels * bits // 8
    return b"fmt ", struct.pack("<HHIIHH", 1, channels, rate, rate * frame, frame, bits)


SECOND = (b"data", bytes(2 * RATE))


@needs_qemu
@pytest.mark.parametrize(
    "content",
    [b"", b"RIFF", _chunks(_format(channels=2), SECOND), _chunks(_format(rate=8000), SECOND),
     _chunks(_format(bits=8), SECOND), _chunks(SECOND), _chunks(_format())],
    ids=["empty", "short", "stereo", "8 kHz", "8 bits", "no format", "no data"],
)  # fmt: skip
def test_firmware_names_a_bad_sound_file(programs: dict[str, Program], content: bytes) -> None:
    with pytest.raises(EdgeError, match=r"audio.wav is not there, or not 16-bit PCM"):
        firmware.run(programs["cortex-m7"], {"audio.wav": content})


@needs_qemu
def test_firmware_skips_chunks_that_it_does_not_know(programs: dict[str, Program]) -> None:
    content = _chunks((b"LIST", b"odd"), _format(), (b"fact", bytes(4)), SECOND)
    run = firmware.run(programs["cortex-m7"], {"audio.wav": content})
    assert run.lines == ("heard 960 ms",)


@pytest.mark.parametrize("settings", [{"channels": 2}, {"rate": 8000}, {"bits": 8}], ids=str)
def test_python_refuses_a_sound_of_another_form(settings: dict[str, int], tmp_path: Path) -> None:
    (tmp_path / "sound.wav").write_bytes(_chunks(_format(**settings), SECOND))
    with pytest.raises(EdgeError, match="E0014"):
        application.read_wav(tmp_path / "sound.wav")


def test_python_reads_what_it_writes(tmp_path: Path) -> None:
    samples = np.arange(-500, 500, dtype=np.int16)
    (tmp_path / "sound.wav").write_bytes(application.wav(samples))
    np.testing.assert_array_equal(application.read_wav(tmp_path / "sound.wav"), samples)


def test_training_learns_to_tell_made_up_words_apart() -> None:
    losses: list[float] = []
    train(
        _made_up_words(), effort=Effort(copies=2, epochs=6),
        progress=lambda epoch, loss: losses.append(loss),
    )  # fmt: skip
    assert losses[-1] < 0.75 * losses[0]


def test_training_data_is_the_same_for_a_seed() -> None:
    words = _made_up_words()
    a, b = training_data(words, 1, seed=4), training_data(words, 1, seed=4)
    np.testing.assert_array_equal(a.features, b.features)
    assert not np.array_equal(a.features, training_data(words, 1, seed=5).features)


def _made_up_words() -> Words:
    """Thirty tones for each of five keywords, an octave apart, a third of a second long."""
    time = np.arange(RATE // 3) / RATE
    tones: list[Samples] = [
        (8000 * np.sin(2 * np.pi * 220 * 2**word * time * detune)).astype(np.int16)
        for word in range(5)
        for detune in np.linspace(0.97, 1.03, 60)
    ]
    starts = np.cumsum([0, *(len(tone) for tone in tones)])
    return Words(np.concatenate(tones), starts, np.repeat(np.arange(5), 60))
