"""Requests on their way, and what each does in a step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from edge.serving.key_values import Table
from edge.serving.paged_model import Span
from edge.serving.request import Request, Token


@dataclass(eq=False)
class Running:
    """A request on its way. tokens: prompt and what was made; cached: those with stored keys."""

    number: int
    request: Request
    tokens: list[int]
    cached: int = 0
    table: Table = field(default_factory=list)

    @property
    def made(self) -> int:
        """Tokens made so far."""
        return len(self.tokens) - len(self.request.prompt)

    @property
    def left(self) -> int:
        """Tokens that may still be made."""
        return self.request.max_tokens - self.made

    @property
    def waiting(self) -> list[int]:
        """Tokens without keys: the rest of the prompt, or the last one made."""
        return self.tokens[self.cached :]

    def accept(self, tokens: Sequence[int]) -> list[Token]:
        """Append tokens up to the first that ends the request; what is new."""
        found: list[Token] = []
        for token in tokens:
            self.tokens.append(token)
            reason = "stop" if token in self.request.stop else "length" if not self.left else None
            found.append(Token(self.number, token, reason))
            if reason:
                break
        return found


@dataclass(eq=False)
class Work:
    """What a request does in a step: `piece` of its tokens, and drafts behind its last one."""

    running: Running
    piece: list[int]
    most_drafts: int
    drafts: list[int] = field(default_factory=list)

    @property
    def end(self) -> int:
        """Tokens with keys after the step."""
        return self.running.cached + len(self.piece) + self.most_drafts

    def span(self) -> Span:
        """For the full model; logits are wanted where tokens are to be chosen."""
        running = self.running
        last = len(self.piece) == len(running.waiting)
        tokens, wanted = [*self.piece, *self.drafts], 1 + len(self.drafts) if last else 0
        return Span(tokens, running.cached, running.table, running.request.adapter, wanted)

    def draft_span(self) -> Span:
        """For the drafter: the last token."""
        running, token = self.running, (self.piece + self.drafts)[-1]
        before = running.cached + len(self.drafts)
        return Span([token], before, running.table, running.request.adapter, 1)
