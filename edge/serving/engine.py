"""Continuous batching: requests join and leave a batch at every step (Orca, Yu et al. 2022).

Keys and values lie in pages of the memory that the adapters use. A step runs the next tokens of all
requests as one row: prompts, in pieces, and single tokens of those that are being continued.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from edge.errors import fail
from edge.gpu.attention.hook import PlannedAttention
from edge.gpu.attention.plan import AttentionPlan
from edge.serving.adapter import Adapter, require_fit
from edge.serving.correction import Correction, kept_drafts
from edge.serving.key_values import KeyValues
from edge.serving.memory import out_of_pages
from edge.serving.paged_model import PagedModel
from edge.serving.pool import AdapterPool, pages_of
from edge.serving.request import Completion, Request, Token, refused
from edge.serving.running import Running, Work

NEVER_FITS = "E0097"


@dataclass(frozen=True)
class Limits:
    """requests: that run at once; tokens: of a step, prompts are read in pieces of what is left."""

    requests: int = 32
    tokens: int = 512


class Engine:
    """Serves requests with a causal language model of transformers, each with its own adapter.

    pool: its memory holds the keys and values too. adapters: by name; they are loaded when a
    request needs one and may be evicted when none does. plan: how prompts attend; they are then
    read in one piece. drafter: a model of the same shapes, for `correction`, which reads and writes
    the same keys and values. Raises EdgeError E0072, E0091, E0096.
    """

    def __init__(
        self,
        model: Any,
        pool: AdapterPool,
        adapters: Mapping[str, Adapter] | None = None,
        *,
        plan: AttentionPlan | None = None,
        drafter: Any = None,
        correction: Correction | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.pool, self.adapters, self.limits = pool, dict(adapters or {}), limits or Limits()
        self.store = KeyValues.of(pool.memory, model.config)
        for name, adapter in self.adapters.items():
            require_fit(name, adapter, model)
        if plan is not None:
            _require_no(drafter)
            plan.require(self.store.layers, model.config.num_attention_heads)
        planned = None if plan is None else PlannedAttention(plan, "auto")
        self.model = PagedModel(model, self.store, pool, planned)
        self.correction = correction or Correction()
        self.drafter = None if drafter is None else PagedModel(drafter, self.store, pool)
        self._waiting: deque[Running] = deque()
        self._running: list[Running] = []
        self._submitted = 0

    @property
    def busy(self) -> bool:
        """Whether a request is waiting or running."""
        return bool(self._waiting or self._running)

    def submit(self, request: Request) -> int:
        """Queue a request; its number. Raises EdgeError E0091, E0096, E0097."""
        self._require_possible(request)
        self._submitted += 1
        self._waiting.append(Running(self._submitted, request, list(request.prompt)))
        return self._submitted

    def cancel(self, number: int) -> None:
        """End a request; nothing happens if it has ended."""
        self._waiting = deque(r for r in self._waiting if r.number != number)
        for running in [r for r in self._running if r.number == number]:
            self._leave(running)

    def generate(self, requests: Iterable[Request]) -> Iterator[Token]:
        """Serve requests, token by token in the order in which they are made.

        Token.request is the place of its request, from 0. Whoever stops reading ends them all.
        """
        numbers: dict[int, int] = {}
        try:
            for place, request in enumerate(requests):
                numbers[self.submit(request)] = place
            while numbers.keys() & self._active():
                for token in self.step():
                    if token.request in numbers:
                        yield Token(numbers[token.request], token.token, token.reason)
        finally:
            for number in numbers:
                self.cancel(number)

    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        """Serve requests; all tokens of each."""
        tokens: list[list[int]] = [[] for _ in requests]
        reasons = ["length"] * len(requests)
        for token in self.generate(requests):
            tokens[token.request].append(token.token)
            reasons[token.request] = token.reason or reasons[token.request]
        return [Completion(tuple(t), r) for t, r in zip(tokens, reasons, strict=True)]

    def step(self) -> list[Token]:
        """Run the next tokens of all requests that have room; what was made.

        Raises EdgeError E0090 if others hold so many pages that no request can go on.
        """
        self._admit()
        work = self._with_pages(self._planned())
        self._draft(work)
        logits = self.model.run([each.span() for each in work]) if work else []
        return [
            token
            for each, rows in zip(work, logits, strict=True)
            for token in self._went_on(each, rows)
        ]

    def _require_possible(self, request: Request) -> None:
        config, length = self.model.model.config, len(request.prompt) + request.max_tokens
        if not request.prompt or not 0 <= min(request.prompt) <= max(request.prompt) < (
            config.vocab_size
        ):
            raise refused("its prompt is empty or no token ids of the model",
                          f"give ids from 0 to {config.vocab_size - 1}")  # fmt: skip
        if request.max_tokens < 1 or length > config.max_position_embeddings:
            raise refused(
                f"{len(request.prompt)} tokens and {request.max_tokens} more",
                f"at least 1 more, and {config.max_position_embeddings} in all",
            )
        if request.adapter is not None and request.adapter not in self.adapters:
            names = ", ".join(sorted(self.adapters))
            raise refused(f"there is no adapter {request.adapter!r}",
                          f"the engine has {names or 'none'}")  # fmt: skip
        pages = self.store.pages_for(length) + self._adapter_pages(request)
        if pages > self.pool.memory.pages:
            raise fail(
                NEVER_FITS, f"the request needs {pages} pages, the memory has "
                            f"{self.pool.memory.pages}",
                help=["make the memory larger, or ask for fewer tokens"],
            )  # fmt: skip

    def _adapter_pages(self, request: Request) -> int:
        return pages_of(self.adapters[request.adapter]) if request.adapter else 0

    def _active(self) -> set[int]:
        return {running.number for running in (*self._waiting, *self._running)}

    def _admit(self) -> None:
        while self._waiting and len(self._running) < self.limits.requests:
            if not self._enter(self._waiting[0]):
                return
            self._running.append(self._waiting.popleft())

    def _enter(self, running: Running) -> bool:
        """Load the adapter and share what another request has of the prompt, if there is room."""
        name, shared = running.request.adapter, self._shared_blocks(running)
        need = self.store.pages_for(len(running.tokens)) - len(shared) * self.store.block_pages
        if name is not None:
            if name not in self.pool:
                if need + self._adapter_pages(running.request) > self.pool.room:
                    return False
                self.pool.load(name, self.adapters[name])
            self.pool.pin(name)
        if need > self.pool.room:
            self._unpin(running)
            return False
        for pages in shared:
            self.pool.memory.share(pages)
        running.table, running.cached = list(shared), len(shared) * self.store.block
        return True

    def _shared_blocks(self, running: Running) -> Sequence[tuple[int, ...]]:
        """Whole blocks of the longest beginning that a running request of this adapter has."""
        if self.model.planned is not None:
            return ()
        mine, best = running.tokens, 0
        blocks: Sequence[tuple[int, ...]] = ()
        for other in self._running:
            if other.request.adapter == running.request.adapter:
                most = min(other.cached, len(mine) - 1)
                equal = next((i for i in range(most) if other.tokens[i] != mine[i]), most)
                if equal // self.store.block > best:
                    best = equal // self.store.block
                    blocks = other.table[:best]
        return blocks

    def _planned(self) -> list[Work]:
        """The next tokens of each request; prompts share what single tokens leave of a step."""
        planned, budget = [], self.limits.tokens
        for running in sorted(self._running, key=lambda r: len(r.waiting) > 1):
            rest = running.waiting
            piece = rest if self.model.planned is not None else rest[:budget]
            if piece:
                budget = max(budget - len(piece), 0)
                drafts = self.correction.period if self.drafter and running.made else 0
                planned.append(Work(running, piece, min(drafts, running.left - 1)))
        return planned

    def _with_pages(self, planned: Sequence[Work]) -> list[Work]:
        """Take the pages of the next tokens; the youngest requests give theirs where too few are
        left, and wait again."""
        for work in planned:
            if work.running in self._running:
                self._reserve(work.running, work.end)
        return [work for work in planned if work.running in self._running]

    def _reserve(self, running: Running, tokens: int) -> None:
        while (need := self.store.missing(running.table, tokens)) > self.pool.room:
            youngest = self._running[-1]
            if len(self._running) == 1:
                raise out_of_pages(f"a request needs {need}, {self.pool.room} can be had", "",
                                   self.pool.memory.pages)  # fmt: skip
            self._leave(youngest)
            youngest.cached = 0
            self._waiting.appendleft(youngest)
            if youngest is running:
                return
        self.pool.make_room(need)
        self.store.grow(running.table, tokens)

    def _draft(self, work: Sequence[Work]) -> None:
        """The drafter continues each request; the full model will write over its keys."""
        for count in range(max((each.most_drafts for each in work), default=0)):
            drafting = [each for each in work if each.most_drafts > count]
            if self.drafter is not None:
                rows = self.drafter.run([each.draft_span() for each in drafting])
                for each, logits in zip(drafting, rows, strict=True):
                    each.drafts.append(int(logits[-1].argmax()))

    def _went_on(self, work: Work, logits: torch.Tensor) -> list[Token]:
        running = work.running
        if not len(logits):
            running.cached += len(work.piece)
            return []
        drafted = torch.tensor(work.drafts, dtype=torch.long, device=logits.device)
        kept = kept_drafts(logits, drafted, self.correction.threshold)
        made = running.accept([*work.drafts[:kept], int(logits[kept].argmax())])
        running.cached = len(running.tokens) - 1
        if made[-1].reason:
            self._leave(running)
        return made

    def _leave(self, running: Running) -> None:
        self._running.remove(running)
        self.store.release(running.table)
        self._unpin(running)

    def _unpin(self, running: Running) -> None:
        if running.request.adapter is not None:
            self.pool.unpin(running.request.adapter)


def _require_no(drafter: object) -> None:
    if drafter is not None:
        raise refused("drafts are checked against all keys, and a plan leaves some out",
                      "give a plan or a drafter")  # fmt: skip
