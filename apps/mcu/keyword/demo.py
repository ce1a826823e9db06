"""Keyword spotting on emulated Cortex-M boards, from a WAV file or a sentence by espeak-ng.

    python -m apps.mcu.keyword.demo [--say "yes stop water go"] [--wav FILE] [--target cortex-m7]

A WAV file has 16 bits, one channel and 16 kHz.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from apps.mcu.keyword import application, weights
from apps.mcu.keyword.mixing import CLASSES
from apps.mcu.keyword.sentence import sentence
from edge.cli.tables import print_table
from edge.errors import EdgeError

SENTENCE = "yes stop water go left"


def main() -> None:
    """Run the demo; exit status 1 if a board and Python disagree."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--say", default=SENTENCE, help="words for espeak-ng")
    parser.add_argument("--wav", type=Path)
    parser.add_argument("--target", nargs="+", default=["cortex-m4", "cortex-m7"])
    parser.add_argument("--out", type=Path, default=Path("out/keyword"))
    try:
        sys.exit(0 if _demo(parser.parse_args()) else 1)
    except EdgeError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_status)


def _demo(arguments: argparse.Namespace) -> bool:
    """Listen on every target; whether all heard what Python hears."""
    if arguments.wav:
        samples = application.read_wav(arguments.wav)
    else:
        samples = sentence(arguments.say.split())
        print(f"espeak-ng says: {arguments.say}")
    print("listening for:", ", ".join(CLASSES[:-2]))
    graph = weights.load_int8()
    wanted, rows = application.expected_lines(graph, samples), []
    for target in arguments.target:
        program = application.build(graph, target, arguments.out / target)
        run = application.run(program, samples)
        agree = list(run.lines) == wanted
        print(f"\n{target}:", *run.lines, sep="\n  ")
        rows.append(
            (target, "yes" if agree else "NO", f"{run.ram['total']:,}", f"{run.flash:,}",
             f"{run.instructions_per_second:,}", f"{run.row:,}", f"{run.network:,}")
        )  # fmt: skip
    print()
    print_table(
        ("", "as in Python", "RAM, B", "flash, B", "instructions a second of sound",
         "a 20 ms row", "an 80 ms step"), rows,
    )  # fmt: skip
    return all(row[1] == "yes" for row in rows)


if __name__ == "__main__":
    main()
