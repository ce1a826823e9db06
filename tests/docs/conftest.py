"""One reader for all pages, so that a page others go on from is run once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from tests.docs.reading import Reader


@pytest.fixture(scope="session")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield Reader(tmp_path_factory.mktemp("pages"))
    torch.set_num_threads(threads)
