"""A language model that was exported goes on with a text: what `edge run --prompt` does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge.errors import fail
from edge.frontends.llama.tokenizer import BIN_FILE, JSON_FILE, Tokenizer, read_tokenizer
from edge.ir import Graph
from edge.workflow.project import Project, open_project
from edge.workflow.workbench import Workbench

TOKENS = 200
OWN = -1  # as an input: the token that was chosen last


@dataclass(frozen=True)
class Generation:
    """What was written: the prompt and the text after it up to where the model begins anew.

    ids are all tokens that were asked for; `instructions` those of each step that chose one, None
    where the runner does not count.
    """

    target: str
    runner: str
    prompt: tuple[int, ...]
    ids: tuple[int, ...]
    text: str
    instructions: tuple[int, ...] | None
    time_us: float | None

    def to_json(self) -> dict[str, Any]:
        """The object that `edge run --prompt --json` prints, less the envelope."""
        return {
            "target": self.target,
            "runner": self.runner,
            "prompt": list(self.prompt),
            "ids": list(self.ids),
            "text": self.text,
            "instructions": self._counts(),
            "time_us": self.time_us,
        }

    def _counts(self) -> Mapping[str, int] | None:
        if not self.instructions:
            return None
        mean = round(sum(self.instructions) / len(self.instructions))
        return {"mean": mean, "most": max(self.instructions)}


def generate(
    out: str | Path,
    prompt: str,
    tokens: int = TOKENS,
    *,
    on: str | None = None,
    toolchain: str | None = None,
) -> Generation:
    """Build an exported language model, run it on a prompt and let it add `tokens` tokens.

    Each is the likeliest. It runs on the target from the first to the last token: nothing is
    chosen here. Raises EdgeError E0115 for what is no language model, E0112 without a tokenizer,
    E0113 for more tokens than the context has, and if it cannot be built or run.
    """
    project = open_project(out)
    graph = _language_graph(project)
    tokenizer = _tokenizer(project)
    first = next(int(s.initial[0]) for s in graph.states if s.read == "last")
    start = [first, *tokenizer.encode(prompt)]
    fed = _inputs(graph, start, tokens)
    bench = Workbench(project, on, toolchain)
    result = bench.run(bench.program(), [fed], count=True)
    chosen = [int(token) for token in bench.outputs(result)[0].reshape(-1)]
    ids = chosen[len(start) - 1 :]
    counts = result.sample_instructions
    return Generation(
        project.target, bench.runner.name, tuple(start), tuple(ids),
        _text(tokenizer, start[1:], ids, first), counts and counts[len(start) - 1 :],
        result.time_us,
    )  # fmt: skip


def _language_graph(project: Project) -> Graph:
    graph = project.graph
    states = {state.read for state in graph.states}
    if graph.inputs != ("token",) or not {"last", "position"} <= states:
        raise fail("E0115", f"{project.name} is no language model, so it takes no prompt",
                   help=["edge run OUT --input x.npy --output y.npy"])  # fmt: skip
    return graph


def _tokenizer(project: Project) -> Tokenizer:
    found = (project.path / name for name in (BIN_FILE, JSON_FILE))
    path = next((path for path in found if path.is_file()), None)
    if path is None:
        raise fail("E0112", f"{project.name} was exported without a tokenizer",
                   help=["edge export MODEL --tokenizer FILE ..."])  # fmt: skip
    return read_tokenizer(path.name, path.read_bytes())


def _inputs(graph: Graph, start: Sequence[int], tokens: int) -> npt.NDArray[np.int32]:
    """The prompt, then what stands for the model's own choice."""
    [advance] = [node for node in graph.nodes if node.op == "advance"]
    context = int(str(advance.attrs["limit"]))
    steps = len(start) + tokens - 1
    if steps > context:
        raise fail(
            "E0113", f"{len(start)} tokens of prompt and {tokens} more in a context of {context}",
            help=["fewer --tokens, or export with a larger --context"],
        )  # fmt: skip
    return np.array([*start, *[OWN] * (tokens - 1)], np.int32)


def _text(tokenizer: Tokenizer, prompt: Sequence[int], ids: Sequence[int], first: int) -> str:
    """Up to the token that begins a text, with which the model ends one."""
    end = ids.index(first) if first in ids else len(ids)
    return tokenizer.decode([*prompt, *ids[:end]]).lstrip(" ")
