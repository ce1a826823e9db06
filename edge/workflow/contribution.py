"""Measured gains of a model: the trials run in the exported C on this machine.

Losses that are known are kept in a file, so that what was interrupted goes on and what was measured
is not measured again.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from dataclasses import replace
from pathlib import Path

from edge.errors import fail
from edge.ir import Graph, to_text
from edge.quantization.calibration import progress_bar
from edge.training import scheme
from edge.training.autodiff import Step, differentiate
from edge.training.contribution import Laboratory, Samples, Trial, gains, split, trials
from edge.training.scores import Gains
from edge.training.tape import Settings
from edge.workflow.host_learner import HostLearner

SCHEMA = 1


def measured_gains(
    graph: Graph,
    settings: Settings,
    samples: Samples,
    steps: int,
    *,
    file: Path | None = None,
    progress: bool = True,
) -> Gains:
    """What each part of an int8 graph gains in `steps` steps on three quarters of the samples.

    `file` holds losses that are known; it is read, and written after each trial. One of another
    model, other data or settings starts anew.
    Raises EdgeError E0005 for too few samples, E0017 for no steps.
    """
    if steps < 1:
        raise fail("E0017", f"cannot measure contributions in {steps} steps", help=["at least 1"])
    train, held = split(samples)
    step = differentiate(graph, scheme.full(graph), replace(settings, masks="none", replay=0))
    of = fingerprint(step, settings.masks, samples, steps)
    known = KnownLosses.read(file, of)
    missing = [trial for trial in trials(graph) if trial.name not in known.losses]
    if missing:
        with tempfile.TemporaryDirectory(prefix="edge-contribution-") as folder:
            tuned = HostLearner(step, Path(folder) / "net")
        masked = settings.masks != "none"
        laboratory = Laboratory(graph, step, tuned, train, held, steps, masked)
        for trial in progress_bar(missing, "measuring contributions", len(missing), progress):
            known.add(trial, laboratory.loss(trial))
    return gains(graph, {trial: known.losses[trial.name] for trial in trials(graph)})


def fingerprint(step: Step, masks: str, samples: Samples, steps: int) -> str:
    """SHA-256 of all that a loss depends on."""
    found = hashlib.sha256(f"{to_text(step.graph)}{masks}".encode())
    for x, label in samples:
        found.update(x.tobytes() + label.to_bytes(4, "little", signed=True))
    found.update(steps.to_bytes(4, "little"))
    return found.hexdigest()


class KnownLosses:
    """Losses by the name of their trial, in memory and in a file."""

    def __init__(self, file: Path | None, of: str, losses: dict[str, float]) -> None:
        self.file, self.of, self.losses = file, of, losses

    @staticmethod
    def read(file: Path | None, of: str) -> KnownLosses:
        """Raises EdgeError E0019 for a file that is something else."""
        if file is None or not file.exists():
            return KnownLosses(file, of, {})
        try:
            content = json.loads(file.read_text())
            if content["kind"] != "contributions" or content["schema"] != SCHEMA:
                raise KeyError("kind")
            losses = {str(name): float(loss) for name, loss in content["losses"].items()}
            return KnownLosses(file, of, losses if content["of"] == of else {})
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise fail(
                "E0019", f"{file} holds no contributions that `edge train-plan` measured",
                notes=[f"{type(error).__name__}: {error}"], help=["another file, or remove it"],
            ) from error  # fmt: skip

    def add(self, trial: Trial, loss: float) -> None:
        self.losses[trial.name] = loss
        if self.file:
            content = {"schema": SCHEMA, "kind": "contributions", "of": self.of,
                       "losses": self.losses}  # fmt: skip
            partial = self.file.with_name(f"{self.file.name}.partial")
            partial.write_text(json.dumps(content, indent=1) + "\n")
            os.replace(partial, self.file)
