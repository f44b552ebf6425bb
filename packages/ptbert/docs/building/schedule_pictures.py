"""The directive ``schedule``: the curve of a schedule, in the colours of the page."""

from __future__ import annotations

import re
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx

import ptbert_optim
from ptbert.see import schedule_picture


class Schedule(Directive):
    """Draw the named class of ``ptbert_optim``."""

    required_arguments = 1
    option_spec: ClassVar = {"warmup": float, "cycles": float}

    def run(self) -> list[nodes.Node]:
        """Return the drawing."""
        schedule = getattr(ptbert_optim, self.arguments[0])(t_total=1000, **self.options)
        return [nodes.raw("", as_drawing(schedule_picture(schedule)), format="html")]


def as_drawing(svg: str) -> str:
    """Return a picture without colours and size of its own: ``site.css`` has those of the page."""
    bare = re.sub(r"<style>.*?</style>|(?<=\d\") width=\"\d+\" height=\"\d+\"", "", svg, flags=re.S)
    return bare.replace("<svg ", '<svg class="drawing" ', 1)


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect with Sphinx."""
    app.add_directive("schedule", Schedule)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
