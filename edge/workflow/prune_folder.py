"""Prune a language model's checkpoint: what `edge prune FOLDER` does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from edge.errors import EdgeError, fail
from edge.gpu.pruning import prune_checkpoint
from edge.sparsity.layerwise.recipe import Recipe
from edge.sparsity.pattern_names import parse_pattern

SEQUENCE = 2048
"""Tokens of one sequence that a text is cut into, if the model's context is not shorter."""


def prune_folder(
    folder: Path,
    pattern: str,
    sparsity: float | None,
    data: Path | None,
    out: Path,
    *,
    method: str = "wanda",
    refit: str = "auto",
    progress: bool = True,
) -> dict[str, Any]:
    """Prune the checkpoint in `folder` (config.json and safetensors) to the new folder `out`.

    `data` sets the statistics: token ids [N, T] as .npy or .npz, or a .txt file for the tokenizer
    in `folder`. Raises EdgeError E0030, E0040 to E0042, E0060 to E0064.
    """
    recipe = Recipe(parse_pattern(pattern), sparsity, method, refit)
    if data is None:
        raise _no_data("pruning by the inputs of each layer needs data")
    ids = _text_ids(data, folder) if data.suffix == ".txt" else _ids(data)
    report = prune_checkpoint(folder, out, recipe, ids, progress=progress)
    return {"out": str(out), "pattern": pattern, **report.as_json()}


def _ids(path: Path) -> torch.Tensor:
    try:
        loaded = np.load(path, allow_pickle=False)
        array = loaded if isinstance(loaded, np.ndarray) else loaded[loaded.files[0]]
    except (OSError, ValueError, EOFError, IndexError) as error:
        raise _no_data(f"cannot read calibration data: {error}", str(path)) from error
    if array.ndim != 2 or array.dtype.kind not in "iu" or not array.size:
        found = f"{array.dtype}{list(array.shape)}"
        raise _no_data(f"calibration data is {found}, not token ids [N, T]", str(path))
    return torch.from_numpy(array.astype(np.int64))


def _text_ids(path: Path, folder: Path) -> torch.Tensor:
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError) as error:
        raise _no_data(f"{folder} has no tokenizer for a text", str(folder)) from error
    ids = tokenizer(path.read_text(), return_tensors="pt")["input_ids"][0]
    length = min(SEQUENCE, len(ids), tokenizer.model_max_length)
    if not length:
        raise _no_data("the text is empty", str(path))
    whole: torch.Tensor = ids[: len(ids) // length * length].reshape(-1, length)
    return whole


def _no_data(title: str, where: str = "") -> EdgeError:
    help = ["--data ids.npy with int64[N, T] token ids of real text, or --data text.txt"]
    return fail("E0030", title, where, help=help)
