"""A language model on its way to a device: read, pruned, calibrated, int8."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from edge.errors import fail
from edge.frontends import Model
from edge.frontends.llama.checkpoint import is_checkpoint, load_checkpoint
from edge.frontends.llama.decoder import MATRICES, Block, Decoder, Floats
from edge.frontends.llama.llama2c import is_llama2c, load_llama2c
from edge.frontends.llama.tokenizer import BIN_FILE, JSON_FILE, find_tokenizer, read_tokenizer
from edge.quantization.llama.equalize import equalized
from edge.quantization.llama.float_steps import Ids, drawn
from edge.quantization.llama.graph import decoder_graph
from edge.quantization.llama.scales import observed, quantizations, reach
from edge.sparsity.patterns import Pattern
from edge.workflow.pruned import parse_request

WINDOW = 128
_SEQUENCES, _LENGTH = 16, 128
"""Of the text that the model writes for its own calibration."""

_MOST_WINDOW = 1 << 15


@dataclass(frozen=True)
class LanguageSettings:
    """How a language model is exported.

    window: positions that attention sees, of which keys and values are kept; context: positions of
    a text, the model's own by default; calibration: token ids [N, T] (.npy) or a text (.txt), by
    default what the model itself writes; tokenizer: a file, by default the one beside the model.
    """

    window: int = WINDOW
    context: int | None = None
    calibration: Any = None
    tokenizer: Path | None = None
    prune: str | None = None


def is_language_model(source: object) -> bool:
    """Whether a path is a llama2.c file or a folder with config.json."""
    if not isinstance(source, str | Path):
        return False
    return is_checkpoint(Path(source)) or is_llama2c(Path(source))


def language_model(source: str | Path, settings: LanguageSettings) -> Model:
    """The int8 graph of one token, and the tokenizer's file.

    Raises EdgeError E0110 to E0115, E0040 to E0042.
    """
    path = Path(source)
    decoder = load_checkpoint(path) if path.is_dir() else load_llama2c(path)
    context = _checked(settings, decoder)
    tokenizer = _tokenizer_file(path, decoder, settings.tokenizer)
    if settings.prune is not None:
        decoder = pruned_decoder(decoder, settings.prune)
    ids = _ids(decoder, settings.calibration, tokenizer)
    return Model(quantized(decoder, ids, settings.window, context), beside=tokenizer)


def quantized(decoder: Decoder, ids: Ids, window: int, context: int) -> Any:
    """The graph, with scales from what the decoder computes on `ids` [N, T]."""
    even = equalized(decoder, reach(observed(decoder, ids, window)))
    stored = quantizations(observed(even, ids, window))
    return decoder_graph(even, stored, window, context)


def _checked(settings: LanguageSettings, decoder: Decoder) -> int:
    """The positions of a text. Raises EdgeError E0113 for a window or context that cannot be."""
    context = settings.context or decoder.shape.context
    window = settings.window
    if not 2 <= window <= _MOST_WINDOW or window % 2 or context < 1:
        raise fail("E0113", f"a window of {window} positions in a context of {context}",
                   help=[f"an even window of 2 to {_MOST_WINDOW:,}, such as {WINDOW}"])  # fmt: skip
    if decoder.shape.head % 2:
        raise fail("E0111", f"heads of {decoder.shape.head} channels have no pairs to turn")
    return context


def _tokenizer_file(model: Path, decoder: Decoder, given: Path | None) -> Mapping[str, bytes]:
    """The content by the name that it has in an export; empty if there is none."""
    path = given or find_tokenizer(model, decoder.shape.tokens)
    if path is None:
        return {}
    if not path.is_file():
        raise fail("E0001", f"no such tokenizer: {path}")
    content = path.read_bytes()
    read_tokenizer(path.name, content)
    return {JSON_FILE if path.suffix == ".json" else BIN_FILE: content}


def _ids(decoder: Decoder, calibration: Any, tokenizer: Mapping[str, bytes]) -> Ids:
    if calibration is None:
        length = min(_LENGTH, decoder.shape.context)
        return drawn(decoder, _SEQUENCES, length)
    if isinstance(calibration, str | Path):
        path = Path(calibration)
        ids = _text_ids(decoder, path, tokenizer) if path.suffix == ".txt" else _array(path)
    else:
        ids = np.asarray(calibration)
    if ids.ndim != 2 or not ids.size or ids.dtype.kind not in "iu":
        raise fail("E0114", f"calibration is {ids.dtype}{list(ids.shape)}, not token ids [N, T]")
    if ids.min() < 0 or ids.max() >= decoder.shape.tokens:
        raise fail("E0114", f"calibration has tokens beyond 0 to {decoder.shape.tokens - 1}")
    return ids.astype(np.int64)


def _array(path: Path) -> np.ndarray[Any, Any]:
    try:
        return np.asarray(np.load(path, allow_pickle=False))
    except (OSError, ValueError, EOFError) as error:
        raise fail("E0114", f"cannot read calibration data: {error}", str(path)) from error


def _text_ids(decoder: Decoder, path: Path, tokenizer: Mapping[str, bytes]) -> Ids:
    """A text as sequences that each begin as texts do."""
    if not tokenizer:
        raise fail("E0112", "a text needs the model's tokenizer", str(path))
    [(name, content)] = tokenizer.items()
    if not path.is_file():
        raise fail("E0114", "no such text", str(path))
    ids = read_tokenizer(name, content).encode(path.read_text())
    length = min(_LENGTH, decoder.shape.context, len(ids) + 1) - 1
    if length < 1:
        raise fail("E0114", "the text is empty", str(path))
    rows = np.array(ids[: len(ids) // length * length], np.int64).reshape(-1, length)
    return np.pad(rows, ((0, 0), (1, 0)), constant_values=decoder.shape.first)


def pruned_decoder(decoder: Decoder, request: str) -> Decoder:
    """The decoder without the least weights of its layers; the embedding stays dense.

    Matrices that the pattern does not fit stay dense too. Raises EdgeError E0040 to E0042.
    """
    pattern, sparsity = parse_request(request)
    fits = [n for n in MATRICES if pattern.misfit(_matrix(getattr(decoder.blocks[0], n))) is None]
    if not fits:
        raise fail("E0042", f"{pattern} fits no layer of {decoder.name}")
    blocks = tuple(_pruned(block, fits, pattern, sparsity) for block in decoder.blocks)
    return replace(decoder, blocks=blocks)


def _matrix(weight: Floats) -> tuple[int, int, int]:
    return len(weight), 1, weight.shape[1]


def _pruned(block: Block, names: list[str], pattern: Pattern, sparsity: float) -> Block:
    kept = {}
    for name in names:
        weight = getattr(block, name)
        mask = pattern.mask(np.abs(weight)[:, None, :], sparsity)[:, 0, :]
        kept[name] = np.where(mask, weight, np.float32(0))
    return replace(block, **kept)
