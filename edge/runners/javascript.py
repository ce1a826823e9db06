"""What the Node and browser runners share: a folder with a job goes in, a Result comes out.

The folder holds job.json, model.wasm, baseline.wasm if there is one, and input.bin; the engine adds
output.bin and report.json.
`model_run.mjs` says what they contain.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from edge.errors import Diagnostic, EdgeError, fail
from edge.runners import relaxed_product
from edge.runners.known_answer import job_field, refusal
from edge.runners.result import Bytes, Result, outputs_of
from edge.toolchains import Program

MODEL_RUN = Path(__file__).with_name("model_run.mjs")


def write_job(folder: Path, program: Program, samples: Bytes, time: bool) -> None:
    """Put a program and its samples into the folder; `time` asks for times too."""
    project = program.project
    job = {
        "name": project.name,
        "arena": project.arena,
        "inputs": project.inputs,
        "outputs": project.outputs,
        "simd": "simd128" in program.target.isa,
        "time": time,
        "profile": program.profile,
        "fused": job_field(program),
        "relaxed": relaxed_product.job_field(program),
        "baseline": _baseline(folder, program.baseline),
    }
    (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
    (folder / "model.wasm").write_bytes(program.path.read_bytes())
    (folder / "input.bin").write_bytes(samples.tobytes())


def _baseline(folder: Path, program: Program | None) -> dict[str, Any] | None:
    """What differs in the job when the baseline's module runs, which is put into the folder."""
    if program is None:
        return None
    (folder / "baseline.wasm").write_bytes(program.path.read_bytes())
    return {"arena": program.project.arena}


def read_result(folder: Path, program: Program, samples: int, engine: str) -> Result:
    """What the engine left in the folder; times are medians of many runs.

    Raises EdgeError: E0405 for an engine without SIMD, E0510 if the module trapped.
    """
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    if "error" in report:
        raise _failure(program, engine, str(report["error"]))
    stages = report["stageTimesMs"]
    return Result(
        outputs_of(program.project, (folder / "output.bin").read_bytes(), samples),
        time_us=_microseconds(report["timeMs"]),
        stage_time_us=tuple(1000.0 * time for time in stages) if stages else None,
        arena_watermark=int(report["watermark"]),
        diagnostics=_choice(engine, report["module"]),
    )


def _choice(engine: str, module: str) -> tuple[Diagnostic, ...]:
    """A warning where the engine had to take the baseline."""
    if module != "baseline.wasm":
        return ()
    (found,) = relaxed_product.refusal(engine).diagnostics
    title = "the module of the baseline ran, which computes the same bits"
    return (replace(found, severity="warning", notes=(title,)),)


def _microseconds(milliseconds: Any) -> float | None:
    return None if milliseconds is None else 1000.0 * float(milliseconds)


def _failure(program: Program, engine: str, message: str) -> EdgeError:
    if message == "NO_RELAXED":
        return relaxed_product.refusal(engine)
    if message == "NOT_FUSED":
        return refusal(engine)
    if message == "NO_SIMD":
        return fail(
            "E0405",
            f"{engine} has no WebAssembly SIMD on this machine",
            help=[
                "update it: Node 16.4, Chromium 91, Firefox 89 and Safari 16.4 have SIMD",
                "edge export -t wasm32-scalar makes a module without SIMD",
            ],
        )
    return fail("E0510", f"{program.project.name} failed in {engine}", notes=[message])
