"""Keyword spotting on a microcontroller: accuracy of the int8 network, RAM and instructions.

    python tests/bench/keyword_spotting.py --seeds 0 1 2 [--target cortex-m7] [--json] [--ship]

Words are spoken by espeak-ng; the voices of the test are none of those that are trained on. Test
clips follow each other in one stream through the exported network, 776 words and 40 seconds of
noise at each ratio of signal to noise; a clip's class is the one that leads at its end, as in the
firmware. `keywords` is the share of the 400 clips with a keyword alone. Words and trained networks
are kept in build/keyword. --ship writes the int8 network of the first seed that the demo takes.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

import edge

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # found from any folder

from apps.mcu.keyword import application, weights
from apps.mcu.keyword.dataset import Data, test_data
from apps.mcu.keyword.decision import WINDOW
from apps.mcu.keyword.mixing import OTHER
from apps.mcu.keyword.network import BANDS, STEP_ROWS, KeywordNetwork, parameters
from apps.mcu.keyword.speech import KEYWORDS, OTHERS, Speech, cached_speech
from apps.mcu.keyword.training import Effort, float_accuracy, train
from edge.cli.tables import print_table
from edge.ir import Graph

CACHE = ROOT / "build" / "keyword"
RATIOS = (30, 10, 5)
SECONDS = 8
"""Length of the sound on which instructions are counted."""


def trained(speech: Speech, seed: int, effort: Effort) -> KeywordNetwork:
    """The network of a seed, from the cache or trained now."""
    path = CACHE / f"network-{seed}-{effort.copies}-{effort.epochs}.npz"
    if not path.is_file():
        start = time.monotonic()

        def progress(epoch: int, loss: float) -> None:
            seconds = time.monotonic() - start
            text = f"seed {seed}, epoch {epoch + 1}/{effort.epochs}: {loss:.3f}, {seconds:.0f} s"
            print(text, file=sys.stderr, flush=True)

        weights.save(train(speech.train, seed=seed, effort=effort, progress=progress), path)
    return weights.load(path)


def stream_accuracy(out: Path, data: Data) -> dict[str, float]:
    """Shares of the clips that the exported network gets right in one stream."""
    steps = data.features.reshape(-1, STEP_ROWS, BANDS, 1)
    (scores,) = edge.run(out, [steps], on="host")
    clips = scores.reshape(len(data.labels), -1, scores.shape[-1])[:, -WINDOW:]
    right = clips.astype(np.int64).sum(axis=1).argmax(axis=1) == data.labels
    return {"all": float(right.mean()), "keywords": float(right[data.labels < OTHER].mean())}


def accuracies(network: KeywordNetwork, graph: Graph, speech: Speech) -> dict[str, Any]:
    """Float and int8 accuracy at each ratio of signal to noise."""
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        out = Path(name) / "host"
        edge.export(graph, "host", out, name=application.NAME)
        for snr in RATIOS:
            data = test_data(speech.test, snr)
            found[f"{snr} dB"] = {
                "float": float_accuracy(network, data),
                **stream_accuracy(out, data),
            }
            if snr == RATIOS[0]:
                found["unheard words taken for keywords"] = _taken(out, data, speech)
    return found


def _taken(out: Path, data: Data, speech: Speech) -> float:
    """Share of words that no network was trained on which are recognized as a keyword."""
    steps = data.features.reshape(-1, STEP_ROWS, BANDS, 1)
    (scores,) = edge.run(out, [steps], on="host")
    clips = scores.reshape(len(data.labels), -1, scores.shape[-1])[: len(speech.test), -WINDOW:]
    unheard = speech.test.words >= len(KEYWORDS) + len(OTHERS)
    leading = clips.astype(np.int64).sum(axis=1).argmax(axis=1)
    return float((leading[unheard] < len(KEYWORDS)).mean())


def measured(graph: Graph, target: str, samples: Any) -> dict[str, Any]:
    """RAM, flash and instructions of the firmware, and whether it prints what Python expects."""
    with tempfile.TemporaryDirectory() as name:
        program = application.build(graph, target, Path(name) / "kws")
        run = application.run(program, samples)
    return {
        "ram": run.ram, "flash": run.flash, "instructions_per_row": run.row,
        "instructions_per_step": run.network, "instructions_per_decision": run.decision,
        "instructions_per_second": run.instructions_per_second,
        "as_expected": list(run.lines) == application.expected_lines(graph, samples),
    }  # fmt: skip


def figures(seeds: list[int], targets: list[str], effort: Effort) -> dict[str, Any]:
    """All figures: by seed, their mean, and by target."""
    speech = cached_speech(CACHE / "speech.npz")
    by_seed: dict[int, Any] = {}
    for seed in seeds:
        network = trained(speech, seed, effort)
        graph = int8(seed, speech, effort)
        by_seed[seed] = accuracies(network, graph, speech)
    sound = speech.train.samples[: SECONDS * 16_000]
    return {
        "parameters": parameters(network),
        "seeds": by_seed,
        "mean": {
            f"{snr} dB": {
                key: float(np.mean([by_seed[seed][f"{snr} dB"][key] for seed in seeds]))
                for key in ("float", "all", "keywords")
            }
            for snr in RATIOS
        },
        "targets": {target: measured(graph, target, sound) for target in targets},
    }


def int8(seed: int, speech: Speech, effort: Effort) -> Graph:
    """The int8 network of a seed."""
    network = trained(speech, seed, effort)
    graph = application.int8_network(network, application.calibration(speech.train))
    return weights.with_short_scales(graph)


def ship(seed: int, effort: Effort) -> None:
    """Write the int8 network of a seed into the application's folder."""
    weights.save_int8(int8(seed, cached_speech(CACHE / "speech.npz"), effort), weights.SHIPPED)


def main() -> None:
    """Print a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--copies", type=int, default=Effort.copies)
    parser.add_argument("--epochs", type=int, default=Effort.epochs)
    parser.add_argument("--target", nargs="+", default=["cortex-m4", "cortex-m7"])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--ship", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    effort = Effort(arguments.copies, arguments.epochs)
    if arguments.ship:
        ship(arguments.seeds[0], effort)
    found = figures(arguments.seeds, arguments.target, effort)
    if arguments.json:
        print(json.dumps(found, indent=1))
        return
    rows = [
        (ratio, *(f"{100 * share:.2f} %" for share in shares.values()))
        for ratio, shares in found["mean"].items()
    ]
    print_table(("signal to noise", "float", "int8", "int8, keywords"), rows)
    for target, result in found["targets"].items():
        print(target, json.dumps(result))


if __name__ == "__main__":
    main()
