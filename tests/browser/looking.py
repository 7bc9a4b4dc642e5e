"""What is wrong with a page in a browser: each function yields a sentence for each fault, and none for a good page."""

import json
from collections.abc import Iterator

from playwright.sync_api import Page

NARROW = 320
"""CSS pixels: 1280 at 400 %."""

STOPS_MOST = 400
"""Stops of the keyboard on one page: with more, nobody gets to the end."""

PARTS_MOST = 20

# Everything somebody can do something with, in the order of the page; of a group of radios one is a stop.
_INTERACTIVE = """
() => {
  const radios = new Set();
  const all = document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex="0"]');
  return [...all].filter((one) => {
    if (one.disabled || one.type === 'hidden') return false;
    if (one.closest('details:not([open])') && !one.matches('summary')) return false;
    if (one.getClientRects().length === 0 || getComputedStyle(one).visibility === 'hidden') return false;
    if (one.type === 'radio') {
      const group = one.form?.action + one.name;
      if (radios.has(group)) return false;
      radios.add(group);
    }
    return true;
  });
}
"""

_HELPERS = """
() => {
  const interactive = INTERACTIVE;
  const properties = ['outlineStyle', 'outlineWidth', 'outlineColor', 'boxShadow', 'backgroundColor', 'borderTopColor',
    'borderTopWidth', 'textDecorationLine', 'textDecorationThickness'];
  const drawn = (one) => {
    const label = one.id && document.querySelector('label[for="' + CSS.escape(one.id) + '"]');
    const parts = [[one, null], [one, '::before'], [one.firstElementChild, null]];
    if (label && (one.type === 'radio' || one.type === 'checkbox')) parts.push([label, '::before']);
    return parts.map(([part, pseudo]) => {
      if (!part) return null;
      const style = getComputedStyle(part, pseudo);
      return Object.fromEntries(properties.map((name) => [name, style[name]]));
    });
  };
  const named = (one) => '<' + one.tagName.toLowerCase() + '> '
    + (one.innerText || one.getAttribute('aria-label') || one.name || one.id || '').trim().slice(0, 40);
  window.look = { interactive, drawn, named };
}
"""


def helped(page: Page) -> None:
    """Put into the page what the functions here ask it by. What is evaluated is no script of the page."""
    page.evaluate(_HELPERS.replace("INTERACTIVE", _INTERACTIVE.strip()))


def axe_faults(page: Page, axe: str, only: tuple[str, ...] = ()) -> Iterator[str]:
    """What axe-core finds against WCAG 2.2 A and AA and what it advises besides."""
    page.evaluate(axe)
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    options = {"runOnly": {"type": "rule", "values": list(only)} if only else {"type": "tag", "values": tags}}
    found = page.evaluate("(options) => axe.run(document, options)", options)
    for fault in found["violations"]:
        where = "; ".join(" ".join(map(str, node["target"])) for node in fault["nodes"][:3])
        yield f"axe {fault['id']}: {fault['help']} ({len(fault['nodes'])} times: {where})"


def keyboard_faults(page: Page, *, outline_alone: bool = False) -> Iterator[str]:
    """What the Tab key does not reach, in which order it goes, and where nobody sees that it has.

    `outline_alone`: colours are the reader's own, so that only an outline or a border shows where one is.
    """
    page.evaluate("() => { for (const one of document.querySelectorAll('details')) one.open = true; }")
    helped(page)
    page.evaluate("() => { document.activeElement?.blur(); window.scrollTo(0, 0); }")
    expected = page.evaluate(
        """() => { const all = look.interactive(); all.forEach((one, n) => { one.lookNumber = n; });
        return all.map((one) => ({ name: look.named(one), drawn: look.drawn(one) })); }"""
    )
    if len(expected) > STOPS_MOST:
        yield f"{len(expected)} stops of the keyboard are more than anybody makes"
        return
    reached: list[int] = []
    # A field of a day and time has a stop for each of its parts.
    for _ in range(len(expected) + PARTS_MOST):
        page.keyboard.press("Tab")
        at = page.evaluate(
            """() => { const one = document.activeElement; if (!one || one === document.body) return null;
            const box = one.getBoundingClientRect(), part = one.closest('label') || one;
            return { number: one.lookNumber ?? -1, name: look.named(one), drawn: look.drawn(part),
              seen: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth }; }"""
        )
        if at is None:
            break
        if at["number"] < 0:
            yield f"the keyboard stops at {at['name']}, which is nothing to do something with"
            continue
        if reached and at["number"] == reached[-1]:
            continue
        if at["number"] in reached:
            break
        reached.append(at["number"])
        before = expected[at["number"]]["drawn"]
        if not _shows(before, at["drawn"], outline_alone=outline_alone):
            yield f"nobody sees that the keyboard is at {at['name']}"
        if not at["seen"]:
            yield f"{at['name']} is not in sight when the keyboard is at it"
    yield from (
        f"the keyboard never comes to {one['name']}" for number, one in enumerate(expected) if number not in reached
    )
    if reached != sorted(reached):
        yield f"the keyboard goes to and fro: {reached}"


def _shows(before: list[dict[str, str] | None], after: list[dict[str, str] | None], *, outline_alone: bool) -> bool:
    """Whether what is drawn of an element is other while the keyboard is at it, in a way that can be seen."""
    pairs = [(one, other) for one, other in zip(before, after, strict=False) if one is not None and other is not None]
    if outline_alone:
        return any(
            other["outlineStyle"] != "none" and other["outlineWidth"] != "0px" and other != one for one, other in pairs
        )
    # An outline nobody sees, because it is there for those whose colours are their own, is none here.
    unseen = ("rgba(0, 0, 0, 0)", "transparent")
    return any(
        (other["outlineStyle"] != "none" and other["outlineColor"] not in unseen and other != one)
        or any(one[name] != other[name] for name in ("boxShadow", "backgroundColor", "borderTopColor"))
        for one, other in pairs
    )


def overflow_faults(page: Page, width: int) -> Iterator[str]:
    """What is wider than so many CSS pixels, but for tables and charts that scroll in a region of their own."""
    page.set_viewport_size({"width": width, "height": 800})
    helped(page)
    whole = page.evaluate("() => document.scrollingElement.scrollWidth")
    if whole > width:
        yield f"the page is {whole} pixels wide where there are {width}"
    out = page.evaluate(
        """(width) => [...document.body.querySelectorAll('*')].filter((one) => {
          if (one.closest('.ss-scroll') && !one.matches('.ss-scroll')) return false;
          if (one.closest('svg') && !one.matches('svg')) return false;
          if (one.closest('.govuk-visually-hidden, .govuk-skip-link')) return false;
          const box = one.getBoundingClientRect();
          return box.width > 0 && (box.right > width + 1 || box.left < -1);
        }).map(look.named)""",
        width,
    )
    yield from (f"{one} leads out of the page at {width} pixels" for one in out[:5])


def unlabelled_colour_faults(page: Page) -> Iterator[str]:
    """What is told by its colour alone: a mark of priority, clock or signal without a word."""
    found = page.evaluate(
        """() => [...document.querySelectorAll('.ss-priority, .ss-clock, .ss-signal')]
        .filter((one) => !/[a-z]{3}/i.test(one.innerText)).map((one) => one.outerHTML.slice(0, 80))"""
    )
    yield from (f"told by colour alone: {json.dumps(one)}" for one in found)


def drawing_faults(page: Page) -> Iterator[str]:
    """Which drawings would be on a ground they were not drawn for, in colours of the reader's own."""
    found = page.evaluate(
        """() => [...document.querySelectorAll('svg.chart, svg.spark')]
        .map((one) => getComputedStyle(one))
        .filter((style) => style.backgroundColor !== 'rgb(255, 255, 255)' || style.forcedColorAdjust !== 'none')
        .length"""
    )
    if found:
        yield f"{found} drawings are not on white"
