"""Packages of an export: each kind is a folder of its own that can be taken away."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from edge.emit.project import Files
from edge.packages import android, microcontroller, npm
from edge.packages.kinds import checked_kinds
from edge.packages.subject import Subject

Builder = Callable[[Subject], Files]

BUILDERS: Mapping[str, Builder] = {
    "npm": npm.package,
    "android": android.package,
    **{
        kind: partial(microcontroller.package, kind)
        for kind in (*microcontroller.ECOSYSTEMS, microcontroller.ALL)
    },
}


def packages(subject: Subject, kinds: Sequence[str]) -> Files:
    """The files of the packages, as KIND/path relative to the export folder.

    Raises EdgeError: E0051 for an unknown kind, E0052 for a target that a kind cannot use.
    """
    return {
        f"{kind}/{path}": content
        for kind in checked_kinds(kinds)
        for path, content in BUILDERS[kind](subject).items()
    }
