"""Whether a page is well made: read strictly, as no browser does, by the standard library alone."""

from collections.abc import Iterator
from html.parser import HTMLParser

EMPTY = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"}
FIELDS = {"input", "select", "textarea"}


class Read(HTMLParser):
    """Everything of a page that tests ask about, and what is wrong with how it is written."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.wrong: list[str] = []
        self.open: list[str] = []
        self.links: list[str] = []
        self.headings: list[int] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.scripts_with_text = 0
        self.feed(text)
        self.close()
        self.wrong += [f"<{tag}> is never closed" for tag in self.open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        if len(names) != len(set(names)):
            self.wrong.append(f"<{tag}> has an attribute twice: {names}")
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag == "a":
            self.links.append(dict(attrs).get("href") or "")
        if tag in {"h1", "h2", "h3", "h4", "h5", "h6"}:
            self.headings.append(int(tag[1]))
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in EMPTY:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open[-1] != tag:
            self.wrong.append(f"</{tag}> closes {self.open[-1:]}")
            return
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in {"script", "style"} and data.strip():
            self.scripts_with_text += 1
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def faults(page: Read) -> Iterator[str]:
    """What is wrong with a page for somebody who cannot see it, or for a strict browser."""
    yield from page.wrong
    if page.scripts_with_text:
        yield "a script or style stands in the page"
    if page.headings.count(1) != 1 or page.headings[0] != 1:
        yield f"headings {page.headings} do not begin with the one of the page"
    for above, below in zip(page.headings, page.headings[1:], strict=False):
        if below > above + 1:
            yield f"a heading {below} follows a heading {above}"
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    yield from (f"id {one} is there twice" for one in sorted({one for one in ids if ids.count(one) > 1}))
    labelled = {attributes.get("for") for tag, attributes in page.elements if tag == "label"}
    for tag, attributes in page.elements:
        yield from _faults_of(tag, attributes, labelled, set(ids))


def _faults_of(tag: str, attributes: dict[str, str], labelled: set[str | None], ids: set[str]) -> Iterator[str]:
    if tag == "style" or "style" in attributes:
        yield f"<{tag}> has a style of its own"
    yield from (f"<{tag}> has {name}" for name in attributes if name.startswith("on"))
    if tag == "script" and not attributes.get("src", "").startswith("/static/"):
        yield "a script is not ours"
    for name in ("src", "href", "action"):
        if attributes.get(name, "/").startswith(("http:", "https:", "//", "javascript:")):
            yield f"<{tag}> leads away: {attributes[name]}"
    if tag in FIELDS and attributes.get("type") != "hidden" and attributes.get("id") not in labelled:
        yield f"<{tag}> {attributes.get('name')} has no label"
    if tag == "th" and "scope" not in attributes:
        yield "a heading of a table says not of what"
    if tag == "svg" and not (attributes.get("aria-hidden") == "true" or "aria-labelledby" in attributes):
        yield "a picture says not what it shows"
    for name in ("aria-labelledby", "aria-describedby", "aria-controls", "for"):
        yield from (
            f"{name} names {one}, which is not there" for one in attributes.get(name, "").split() if one not in ids
        )
    if int(attributes.get("tabindex", "0")) > 0:
        yield f"<{tag}> jumps the order of the keyboard"
