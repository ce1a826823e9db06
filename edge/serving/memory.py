"""Pages of one arena, counted: adapters and keys and values take them and give them back."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from edge.errors import EdgeError, fail

PAGES = "E0090"


class PagedMemory:
    """`data` [pages, width]. A page is free, or used by as many as have taken or shared it."""

    def __init__(
        self, pages: int, width: int, dtype: torch.dtype = torch.float32, device: str = "cpu"
    ) -> None:
        self.data = torch.zeros(pages, width, dtype=dtype, device=device)
        self._free = list(range(pages))
        self._users = [0] * pages

    @property
    def pages(self) -> int:
        """All pages."""
        return len(self._users)

    @property
    def width(self) -> int:
        """Values of a page."""
        return self.data.shape[1]

    @property
    def free(self) -> int:
        """Pages that nobody uses."""
        return len(self._free)

    def users(self, page: int) -> int:
        """How many use a page."""
        return self._users[page]

    def take(self, count: int) -> tuple[int, ...]:
        """Pages of one user. Raises EdgeError E0090 if too few are free; none is taken then."""
        if count > self.free:
            raise out_of_pages(f"{count} are needed, {self.free} are free", "", self.pages)
        taken = tuple(self._free.pop() for _ in range(count))
        for page in taken:
            self._users[page] = 1
        return taken

    def share(self, pages: Iterable[int]) -> None:
        """One more user of pages that are in use."""
        for page in pages:
            self._users[page] += 1

    def release(self, pages: Iterable[int]) -> None:
        """One user less; a page without users is free."""
        for page in pages:
            self._users[page] -= 1
            if not self._users[page]:
                self._free.append(page)


def out_of_pages(reason: str, where: str, pages: int) -> EdgeError:
    """The error for a memory that is too small."""
    return fail(
        PAGES, f"out of pages: {reason}", where,
        notes=[f"the memory has {pages} pages; batches that run keep theirs"],
        help=["make the memory larger, or wait until a batch has ended"],
    )  # fmt: skip
