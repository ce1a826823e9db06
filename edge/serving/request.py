"""What is asked of the engine and what it gives back."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from edge.errors import EdgeError, fail

REQUEST = "E0096"


@dataclass(frozen=True)
class Request:
    """Continue token ids, greedily, by `max_tokens` tokens or until one of `stop` is made.

    adapter: the name of one that the engine knows; None is the base model.
    """

    prompt: Sequence[int]
    max_tokens: int = 64
    stop: Collection[int] = ()
    adapter: str | None = None


@dataclass(frozen=True)
class Token:
    """One token of a request. reason: "stop" or "length" with the last one."""

    request: int
    token: int
    reason: str | None = None


@dataclass(frozen=True)
class Completion:
    """All tokens of a request, a stop token included, and why it ended."""

    tokens: tuple[int, ...]
    reason: str


def refused(reason: str, help: str) -> EdgeError:
    """The error for a request that cannot be served."""
    return fail(REQUEST, f"the request cannot be served: {reason}", help=[help])
