"""Calibration data: from files, arrays and iterables to checked model inputs.

A source holds one array for each input of the model:
    "x.npy", "x.npz"   arrays [N, ...]; in .npz named after the inputs if there are several
    an array           [N, ...], for a model with one input
    a mapping          from input names to arrays [N, ...]
    an iterable        of samples or batches, each an array, a mapping, or a tuple in the order of
                       the inputs (further entries, such as labels, are ignored)
Values are floating point. Images may be NHWC, as in the graph, or NCHW, as in torch; where both
readings fit the shape, the graph's own holds.
"""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from edge.errors import EdgeError, fail
from edge.ir import Graph

Floats = npt.NDArray[np.float32]
Sample = dict[str, Floats]
Source = str | Path | npt.NDArray[Any] | Mapping[str, Any] | Iterable[Any]
T = TypeVar("T")


def samples(source: Source, graph: Graph) -> Iterator[Sample]:
    """The model inputs of a source one by one: by input name, float32, NHWC, batch 1.

    Raises EdgeError: E0030 for an unreadable file, E0201 for no samples, E0202 for a shape or dtype
    that does not fit the model, E0203 for NaN or infinity.
    """
    count = 0
    for entry in _entries(source, graph):
        for sample in _split(entry, graph):
            _check_finite(sample, count)
            count += 1
            yield sample
    if not count:
        raise fail("E0201", "there are no calibration samples", help=["give some hundred inputs"])


def batches(source: Iterable[Sample], size: int) -> Iterator[Sample]:
    """Up to `size` samples at a time, stacked along the batch axis."""
    rest = iter(source)
    while group := list(islice(rest, size)):
        yield {name: np.concatenate([sample[name] for sample in group]) for name in group[0]}


def progress_bar(work: Iterable[T], title: str, total: int | None, enabled: bool) -> Iterable[T]:
    """`work` with a progress bar on stderr, if that is a terminal."""
    if not (enabled and sys.stderr.isatty()):
        return work
    from rich.console import Console
    from rich.progress import track

    return track(work, title, total=total, console=Console(stderr=True), transient=True)


def sample_count(source: Source) -> int | None:
    """The number of rows of an array or the length of a sequence, if it has one."""
    rows = next(iter(source.values()), ()) if isinstance(source, Mapping) else source
    return len(rows) if isinstance(rows, Sized) and not isinstance(rows, str) else None


def _entries(source: Source, graph: Graph) -> Iterator[Mapping[str, Any]]:
    if isinstance(source, (str, Path)):
        yield _by_name(_load(Path(source)), graph)
    elif isinstance(source, Mapping) or hasattr(source, "__array__"):
        yield _by_name(source, graph)
    else:
        for item in source:
            yield _by_name(item, graph)


def _load(path: Path) -> Any:
    """The array of a .npy file, mapped into memory, or the arrays of a .npz file."""
    try:
        loaded = np.load(path, mmap_mode="r", allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded
        with loaded:
            return {name: loaded[name] for name in loaded.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        help = ["write it with numpy.savez(path, x) or numpy.save(path, x)"]
        raise fail(
            "E0030", f"cannot read calibration data: {error}", str(path), help=help
        ) from error


def _by_name(item: Any, graph: Graph) -> Mapping[str, Any]:
    names = graph.inputs
    if isinstance(item, Mapping):
        if len(names) == len(item) == 1:
            return {names[0]: next(iter(item.values()))}
        if not set(names) <= set(item):
            raise _misfit(f"calibration data is named {sorted(item)}", graph)
        return {name: item[name] for name in names}
    if not isinstance(item, (tuple, list)):
        item = (item,)
    if len(item) < len(names):
        raise _misfit(f"a calibration sample has {len(item)} arrays", graph)
    return dict(zip(names, item, strict=False))


def _split(entry: Mapping[str, Any], graph: Graph) -> Iterator[Sample]:
    """The samples of a batch; every input has the same number of them."""
    rows = {name: _rows(data, name, graph) for name, data in entry.items()}
    counts = {len(batch) for batch, _ in rows.values()}
    if len(counts) != 1:
        raise _misfit(f"inputs have different numbers of samples: {sorted(counts)}", graph)
    for i in range(counts.pop()):
        yield {
            name: np.ascontiguousarray(batch[i : i + 1].transpose(order), np.float32)
            for name, (batch, order) in rows.items()
        }


def _rows(data: Any, name: str, graph: Graph) -> tuple[npt.NDArray[Any], tuple[int, ...]]:
    """The data as [N, ...] and the transposition to the graph's layout."""
    array = _as_array(data, name, graph)
    layouts = _layouts(graph.type(name).shape[1:])
    if array.shape in layouts:
        array = array[None]
    order = layouts.get(array.shape[1:]) if array.ndim else None
    if order is None:
        raise _misfit(f"calibration data for {name} has the shape {array.shape}", graph)
    if not np.issubdtype(array.dtype, np.floating):
        raise _misfit(f"calibration data for {name} is {array.dtype}", graph)
    return array, order


def _layouts(shape: tuple[int, ...]) -> dict[tuple[int, ...], tuple[int, ...]]:
    """The shapes that a sample may have, with the transposition of a batch to the graph's."""
    layouts = {shape: tuple(range(len(shape) + 1))}
    if len(shape) == 3:
        height, width, channels = shape
        layouts.setdefault((channels, height, width), (0, 2, 3, 1))
    return layouts


def _as_array(data: Any, name: str, graph: Graph) -> npt.NDArray[Any]:
    if hasattr(data, "detach"):  # a torch tensor, perhaps of a graph that records gradients
        data = data.detach().cpu()
    try:
        return np.asarray(data)
    except ValueError as error:
        raise _misfit(f"calibration data for {name} is not an array: {error}", graph) from error


def _check_finite(sample: Sample, index: int) -> None:
    for name, data in sample.items():
        if not np.isfinite(data).all():
            raise fail("E0203", f"calibration sample {index} of {name} holds NaN or infinity")


def _misfit(title: str, graph: Graph) -> EdgeError:
    takes = [f"{name}: float32 {_shown(graph.type(name).shape[1:])}" for name in graph.inputs]
    help = ["give floating point arrays [N, ...], prepared as for the float model"]
    return fail(
        "E0202", title, graph.name, notes=[f"the model takes {n}" for n in takes], help=help
    )


def _shown(shape: Sequence[int]) -> str:
    orders = " or ".join(str(list(layout)) for layout in _layouts(tuple(shape)))
    return f"samples of shape {orders}"
