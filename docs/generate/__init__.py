"""Pages that are made from the code at build time, so that they cannot be out of date."""

from __future__ import annotations

from pathlib import Path

from generate import commands, errors, operators, targets

PAGES = {
    "commands": commands.page,
    "errors": errors.page,
    "operators": operators.page,
    "targets": targets.page,
}


def write_all(folder: Path) -> None:
    """Write every generated page into `folder`; one that is unchanged is left alone."""
    folder.mkdir(exist_ok=True)
    for name, page in PAGES.items():
        path, text = folder / f"{name}.md", page()
        if not path.is_file() or path.read_text() != text:
            path.write_text(text)
