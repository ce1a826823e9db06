"""Text to tokens and back, by the file that lies beside a model.

`tokenizer.bin` of llama2.c: int32 length of the longest piece, then for each token a float32 score,
an int32 length and that many bytes. `tokenizer.json` of transformers goes through the `tokenizers`
package.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

from edge.errors import EdgeError, fail

BIN_FILE, JSON_FILE = "tokenizer.bin", "tokenizer.json"
_UNKNOWN_TOKEN = 0  # of a byte that has none


class Tokenizer(Protocol):
    """Both directions; `encode` leaves out the token that a text begins with."""

    def encode(self, text: str) -> list[int]: ...

    def decode(self, ids: Sequence[int]) -> str: ...


@dataclass(frozen=True)
class Pieces:
    """Byte pairs by score: the best-scoring adjacent pair is merged until there is none."""

    pieces: tuple[bytes, ...]
    scores: tuple[float, ...]

    @cached_property
    def _index(self) -> dict[bytes, int]:
        return {piece: i for i, piece in enumerate(self.pieces)}

    def encode(self, text: str) -> list[int]:
        """Letters that are no piece become tokens of their bytes."""
        ids = [self._index[b" "]] if text and b" " in self._index else []
        for letter in text:
            data = letter.encode()
            known = self._index.get(data)
            ids += map(self._byte, data) if known is None else [known]
        while (best := self._best_pair(ids)) is not None:
            place, merged = best
            ids[place : place + 2] = [merged]
        return ids

    def _byte(self, byte: int) -> int:
        return self._index.get(b"<0x%02X>" % byte, _UNKNOWN_TOKEN)

    def _best_pair(self, ids: Sequence[int]) -> tuple[int, int] | None:
        pairs = (self._index.get(self.pieces[a] + self.pieces[b]) for a, b in pairwise(ids))
        known = [(self.scores[m], -i, m) for i, m in enumerate(pairs) if m is not None]
        if not known:
            return None
        _, place, merged = max(known)
        return -place, merged

    def decode(self, ids: Sequence[int]) -> str:
        return b"".join(self._bytes(i) for i in ids).decode(errors="replace")

    def _bytes(self, token: int) -> bytes:
        piece = self.pieces[token]
        named = len(piece) == 6 and piece.startswith(b"<0x") and piece.endswith(b">")
        return bytes([int(piece[3:5], 16)]) if named else piece


@dataclass(frozen=True)
class _Json:
    """A tokenizer of the `tokenizers` package."""

    content: bytes

    @cached_property
    def _tokenizer(self) -> Any:
        try:
            from tokenizers import Tokenizer as Loaded
        except ImportError as error:
            raise fail("E0407", "this model's tokenizer needs the package tokenizers",
                       help=["pip install tokenizers"]) from error  # fmt: skip
        return Loaded.from_str(self.content.decode())

    def encode(self, text: str) -> list[int]:
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def decode(self, ids: Sequence[int]) -> str:
        return str(self._tokenizer.decode(list(ids)))


def read_tokenizer(name: str, content: bytes) -> Tokenizer:
    """The tokenizer in a file called `name`. Raises EdgeError E0112 for one that is cut short."""
    return _Json(content) if name.endswith(".json") else _pieces(content)


def _pieces(content: bytes) -> Pieces:
    pieces, scores, at = [], [], 4
    while at < len(content):
        if len(content) < at + 8:
            raise _cut_short()
        score, length = struct.unpack_from("<fi", content, at)
        at += 8 + length
        if length < 0 or at > len(content):
            raise _cut_short()
        pieces.append(content[at - length : at])
        scores.append(score)
    return Pieces(tuple(pieces), tuple(scores))


def _cut_short() -> EdgeError:
    return fail("E0112", "the tokenizer's file is cut short or is none",
                help=["a tokenizer.bin of llama2.c, or a tokenizer.json"])  # fmt: skip


def find_tokenizer(model: Path, tokens: int) -> Path | None:
    """The tokenizer that lies in a model's folder, or beside its file."""
    folder = model if model.is_dir() else model.parent
    names = (JSON_FILE, BIN_FILE, f"tok{tokens}.bin") if model.is_dir() else (
        f"tok{tokens}.bin", BIN_FILE,
    )  # fmt: skip
    return next((folder / name for name in names if (folder / name).is_file()), None)
