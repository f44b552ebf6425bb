"""HTML pages of their own: for light and dark, for telephones, without network or foreign script"""

from __future__ import annotations

import html
import json
from typing import Any

from ptbert_hub.messages import printable

# Nothing may be loaded, whatever a text holds; only what is written in the page itself counts.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
STRONGEST = 0.6  # share of the colour behind a word; with more of it the word is hard to read
_STYLE = """
:root { color-scheme: light dark; --ink: #1f2328; --paper: #ffffff; --faint: #d0d7de;
  --strong: 9, 105, 218; --quiet: #59636e; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --paper: #0d1117; --faint: #3d444d; --strong: 88, 166, 255;
    --quiet: #9198a1; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 16px; max-width: 60rem; background: var(--paper);
  color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.2rem; margin: 0 0 .5rem; overflow-wrap: anywhere; }
h2 { font-size: 1rem; margin: 1.2rem 0 .4rem; }
p { margin: .3rem 0; color: var(--quiet); }
.text { white-space: pre-wrap; overflow-wrap: anywhere; font-size: 1.1rem; line-height: 2; }
.token { border-radius: 3px; padding: 2px 1px; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th { text-align: left; color: var(--quiet); font-weight: 600; }
th, td { padding: 3px 8px 3px 0; border-bottom: 1px solid var(--faint); vertical-align: top;
  overflow-wrap: anywhere; }
td.number { font-variant-numeric: tabular-nums; white-space: nowrap; }
code { font: .95em ui-monospace, monospace; white-space: pre-wrap; }
"""


def page(title: str, body: str, *, style: str = "", script: str = "") -> str:
    """Return a whole page.

    Args:
        title: as plain text.
        body: as HTML; texts in it have gone through :func:`escaped`.
        style: more CSS.
        script: JavaScript of our own, which runs when the body is there.
    """
    scripts = f"<script>{script}</script>\n" if script else ""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<link rel="icon" href="data:,">\n'
        f"<title>{escaped(title)}</title>\n<style>{_STYLE}{style}</style>\n</head>\n<body>\n"
        f"<h1>{escaped(title)}</h1>\n{body}\n{scripts}</body>\n</html>\n"
    )


def escaped(text: str) -> str:
    """Return a text as HTML that shows it, whatever it holds.

    Example:
        >>> escaped("<script>&")
        '&lt;script&gt;&amp;'
    """
    return html.escape(printable(text))


def embedded(name: str, value: Any) -> str:
    """Return a value as data in a page, for a script to read; no text can end the element.

    Example:
        >>> embedded("words", ["</script>"])
        '<script type="application/json" id="words">["\\\\u003c/script>"]</script>'
    """
    text = json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")
    return f'<script type="application/json" id="{name}">{text}</script>'
