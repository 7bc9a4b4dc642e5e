"""A page as a few plain blocks, and how they are written: as Markdown, and as one self-contained file of HTML.

Blocks hold text and nothing else; what would be mark-up in either form is written so that it reads as it is. The same
blocks give the same bytes. The HTML needs no script and no other file; everything it says it says in words, so it
works without colours, in print and read out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import escape
from typing import Literal

import msgspec


class Link(msgspec.Struct, frozen=True):
    """Words that lead to a heading of the same page, by its anchor."""

    text: str
    anchor: str


Cell = str | Link


class Heading(msgspec.Struct, frozen=True):
    """A heading; level 1 is the page's own. What links lead to has an anchor."""

    level: Literal[1, 2, 3, 4]
    text: str
    anchor: str | None = None


class Paragraph(msgspec.Struct, frozen=True):
    """Some sentences."""

    text: Cell


class Bullets(msgspec.Struct, frozen=True):
    """Sentences of equal rank."""

    items: tuple[str, ...]


class Table(msgspec.Struct, frozen=True):
    """Rows under columns; the first cell of a row says which row it is."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


Block = Heading | Paragraph | Bullets | Table


def to_markdown(blocks: Sequence[Block]) -> str:
    """The blocks as Markdown, as GitHub and editors show it."""
    return "\n".join("\n".join(_in_markdown(block)) + "\n" for block in blocks)


def to_html(title: str, blocks: Sequence[Block]) -> str:
    """The blocks as a file of HTML, which is all a browser needs."""
    body = "\n".join(line for block in blocks for line in _in_html(block))
    return _HTML.format(title=_html(title), style=_STYLE, body=body)


def _in_markdown(block: Block) -> Iterator[str]:
    match block:
        case Heading():
            if block.anchor is not None:
                yield f'<a id="{block.anchor}"></a>'
                yield ""
            yield f"{'#' * block.level} {_markdown(block.text)}"
        case Paragraph():
            yield _markdown(block.text)
        case Bullets():
            yield from (f"- {_markdown(item)}" for item in block.items)
        case Table():
            yield f"**{_markdown(block.caption)}**"
            yield ""
            yield _markdown_row([_markdown(column) for column in block.columns])
            yield _markdown_row(["---"] * len(block.columns))
            yield from (_markdown_row([_markdown(cell) for cell in row]) for row in block.rows)


def _markdown_row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


_MARK_UP = re.compile(r"[\\`*\[\]|]|(?<!\w)_|_(?!\w)|^[#+-](?= )|^\d+(?=[.)] )")
"""What Markdown would not show as it is."""


def _markdown(cell: Cell) -> str:
    if isinstance(cell, Link):
        return f"[{_markdown(cell.text)}](#{cell.anchor})"
    text = cell.replace("&", "&amp;").replace("<", "&lt;")
    return _MARK_UP.sub(lambda found: f"\\{found[0]}" if not found[0].isdigit() else f"{found[0]}\\", text)


def _in_html(block: Block) -> Iterator[str]:
    match block:
        case Heading():
            anchor = "" if block.anchor is None else f' id="{escape(block.anchor)}"'
            yield f"<h{block.level}{anchor}>{_html(block.text)}</h{block.level}>"
        case Paragraph():
            yield f"<p>{_html(block.text)}</p>"
        case Bullets():
            yield "<ul>"
            yield from (f"<li>{_html(item)}</li>" for item in block.items)
            yield "</ul>"
        case Table():
            yield f'<div class="wide"><table>\n<caption>{_html(block.caption)}</caption>'
            columns = "".join(f'<th scope="col">{_html(column)}</th>' for column in block.columns)
            yield f"<thead><tr>{columns}</tr></thead>\n<tbody>"
            for first, *others in block.rows:
                cells = "".join(f"<td>{_html(cell)}</td>" for cell in others)
                yield f'<tr><th scope="row">{_html(first)}</th>{cells}</tr>'
            yield "</tbody>\n</table></div>"


def _html(cell: Cell) -> str:
    if isinstance(cell, Link):
        return f'<a href="#{escape(cell.anchor)}">{_html(cell.text)}</a>'
    return escape(cell, quote=False)


_STYLE = """
:root { color-scheme: light dark; --ink: #1a1a1a; --quiet: #505050; --paper: #fff; --line: #b4b4b4; --link: #0b57a4; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #ececec; --quiet: #bdbdbd; --paper: #16181b; --line: #55595f; --link: #8ec7ff; }
}
body { margin: 0; background: var(--paper); color: var(--ink); font: 1rem/1.55 system-ui, sans-serif; }
main { max-width: 64rem; margin: 0 auto; padding: 1.5rem 1.25rem 4rem; }
a { color: var(--link); }
.skip { position: absolute; left: -99rem; }
.skip:focus { left: 1rem; top: 1rem; background: var(--paper); padding: 0.5rem; }
h1, h2, h3, h4 { line-height: 1.25; break-after: avoid; }
h1 { font-size: 2rem; }
h2 { font-size: 1.5rem; margin-top: 3.5rem; padding-top: 1rem; border-top: 2px solid var(--line); }
h3 { font-size: 1.1rem; margin: 1.75rem 0 0.25rem; }
p, ul { max-width: 46rem; margin: 0.4rem 0; }
ul { padding-left: 1.25rem; }
table { border-collapse: collapse; margin: 1.25rem 0 0.25rem; font-size: 0.92em; break-inside: avoid; }
caption { text-align: left; font-weight: 600; padding-bottom: 0.3rem; }
th, td { text-align: left; vertical-align: top; padding: 0.25rem 1.1rem 0.25rem 0; }
tr { border-bottom: 1px solid var(--line); }
thead th { color: var(--quiet); font-weight: 600; }
tbody th { font-weight: 400; }
.wide { overflow-x: auto; }
@media print {
  :root { color-scheme: light; --ink: #000; --quiet: #333; --paper: #fff; --line: #888; --link: #000; }
  body { font-size: 10pt; }
  main { max-width: none; padding: 0; }
  .skip { display: none; }
  .wide { overflow: visible; }
}
""".strip()

_HTML = """\
<!doctype html>
<html lang="en-GB">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
{style}
</style>
</head>
<body>
<a class="skip" href="#content">Skip to the content</a>
<main id="content">
{body}
</main>
</body>
</html>
"""
