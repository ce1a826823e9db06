"""Renders the templates of codegen/."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import jinja2

from edge import resources


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(resources.path("codegen")),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
        autoescape=False,
    )


def render(template: str, view: Mapping[str, object]) -> str:
    """The text of codegen/<template>. A name that the view lacks raises UndefinedError."""
    return _environment().get_template(template).render(view)
