"""The catalogue as a page: nothing is left out in either form, and both read as they were meant."""

import html
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.catalogue.copying import copied, with_more_rules

from safety_stream.catalogue import catalogue_page
from safety_stream.catalogue.blocks import Bullets, Heading, Link, Paragraph, Table, to_html, to_markdown
from safety_stream.catalogue.explaining import EXAMPLES, explained
from safety_stream.catalogue.formats.rules import RuleFile
from safety_stream.catalogue.loading import load_with_files
from safety_stream.data_files import catalogue_folder

ROOT = Path(__file__).parents[2]
CATALOGUE, FILES = load_with_files(catalogue_folder())
PAGES = {form: catalogue_page(catalogue_folder(), form) for form in ("html", "md")}
VOID = {"meta"}
"""The elements used that have no end."""


class Reader(HTMLParser):
    """Reads a page of HTML as strictly as its elements allow: every start has its end, in order."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.headings: list[int] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


def plain(form: str, page: str) -> str:
    """The words of a page, without what marks them up."""
    if form == "html":
        return " ".join(" ".join(read(page).text).split())
    unmarked = re.sub(r"\\(.)", r"\1", re.sub(r"(?<!\\)[*|]|^#+ |^- ", " ", page, flags=re.MULTILINE))
    return " ".join(html.unescape(unmarked).split())


TEXTS = {form: plain(form, page) for form, page in PAGES.items()}


def missing(form: str, sentences: Iterator[str]) -> list[str]:
    return [sentence for sentence in sentences if " ".join(sentence.split()) not in TEXTS[form]]


def of_rule(file: RuleFile) -> Iterator[str]:
    (rule,) = [rule for rule in CATALOGUE.rules if rule.id == file.id]
    explanation = explained(rule, file, CATALOGUE)
    yield from (file.title, file.source, f"{file.id}, version {file.version}, {file.status}")
    for section in explanation.sections:
        yield section.heading
        yield from section.sentences if section.heading != EXAMPLES else ()
    for example in file.examples:
        yield f"{'Fires' if example.fires else 'Does not fire'}: {example.name}"
    yield from (over.source for over in file.overrides)


@pytest.mark.parametrize("form", PAGES)
@pytest.mark.parametrize("rule", FILES)
def test_every_rule_is_there_with_its_words_its_examples_and_its_sources(form: str, rule: str):
    assert missing(form, of_rule(FILES[rule])) == []


@pytest.mark.parametrize("form", PAGES)
def test_the_feeds_the_audiences_and_the_version_are_there(form: str):
    audiences = {name for rule in CATALOGUE.rules for name in rule.audiences}
    wanted = [source.title for source in CATALOGUE.sources.values()]
    wanted += [audience.title for audience in CATALOGUE.audiences if audience.id in audiences]

    assert missing(form, iter([*wanted, f"catalogue version {CATALOGUE.version}"])) == []


@pytest.mark.parametrize("form", PAGES)
def test_every_example_says_when_it_fires_or_that_it_does_not(form: str):
    examples = [example for file in FILES.values() for example in file.examples]
    firings = re.findall(r"It fires at \d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d)?", TEXTS[form])

    assert len(firings) == sum(len(example.fires) for example in examples)
    assert TEXTS[form].count("Nothing fires.") == sum(not example.fires for example in examples)


@pytest.mark.parametrize("form", PAGES)
def test_how_loud_each_rule_was_is_there_and_which_is_a_list(form: str, tmp_path: Path):
    folder = copied(tmp_path / "catalogue")
    (folder / "volumes.yaml").write_text(MEASURED, encoding="utf-8")

    text = plain(form, catalogue_page(folder, form))

    assert "may be told at most 10 times and those of one 5 times, and alerts of one rule at most 60 times" in text
    assert "404.1 512.5 3 71 yes" in text
    assert "1,234.0 1,240.0 0 78 no, a list" in text


MEASURED = """budget:
  held: {audiences: [duty-officer], source: x}
  shifts: {starts: [7, 19], source: x}
  urgent: {per_division_and_shift: 10, of_one_rule: 5, source: x}
  alerts: {per_district_and_month: 60, source: x}
measured:
  - {rule: rv-graded, version: 3, history: x, alerts_per_month: 404.1, urgent_per_division_and_shift: 2, alerts_per_district_and_month: 59, told: {per_month: 512.5, urgent_per_division_and_shift: 3, per_district_and_month: 71}}
  - {rule: rv-generic, version: 1, history: x, alerts_per_month: 1234.0, urgent_per_division_and_shift: 0, alerts_per_district_and_month: 77, told: {per_month: 1240.0, urgent_per_division_and_shift: 0, per_district_and_month: 78}}
  - {rule: hate-repeat, version: 99, history: x, alerts_per_month: 1, urgent_per_division_and_shift: 0, alerts_per_district_and_month: 7, told: {per_month: 1, urgent_per_division_and_shift: 0, per_district_and_month: 7}}
"""  # noqa: E501 - a line per rule, as in the file


def test_an_example_is_a_table_of_its_reports():
    assert (
        "| when | what | in the role of | said by | in |\n"
        "| --- | --- | --- | --- | --- |\n"
        "| 2025-04-01 10:00 | police-crime, burglary | victim | lancashire-police | Blackburn with Darwen |\n"
        "| 2025-09-01 10:00 | asb-case, asb-noise | victim | district-councils | Blackburn with Darwen |\n"
    ) in PAGES["md"]


@pytest.mark.parametrize("form", PAGES)
def test_the_same_catalogue_gives_the_same_bytes(form: str):
    assert catalogue_page(catalogue_folder(), form) == PAGES[form]


def test_rules_of_every_condition_can_be_shown(tmp_path: Path):
    folder = with_more_rules(tmp_path / "catalogue")

    read(catalogue_page(folder, "html"))
    assert len(catalogue_page(folder, "md")) > len(PAGES["md"])


def test_the_page_of_html_is_one_file_without_scripts():
    reader = read(PAGES["html"])
    tags = {tag for tag, _ in reader.elements}

    assert tags.isdisjoint({"script", "link", "img", "iframe", "object"})
    assert "url(" not in PAGES["html"]
    assert "http" not in "".join(value or "" for _, attributes in reader.elements for value in attributes.values())


def test_every_link_leads_to_one_place_of_the_page():
    elements = read(PAGES["html"]).elements
    anchors = [attributes["id"] for _, attributes in elements if "id" in attributes]
    links = {attributes["href"] for tag, attributes in elements if tag == "a"}

    assert len(anchors) == len(set(anchors))
    assert links <= {f"#{anchor}" for anchor in anchors}
    in_markdown = set(re.findall(r"\]\((#[^)]+)\)", PAGES["md"]))
    assert in_markdown <= {f"#{anchor}" for anchor in re.findall(r'<a id="([^"]+)"></a>', PAGES["md"])}
    assert in_markdown == links - {"#content"}


def test_headings_leave_no_level_out_and_tables_say_what_they_are():
    reader = read(PAGES["html"])
    tags = [tag for tag, _ in reader.elements]

    assert reader.headings.count(1) == 1
    assert all(later <= earlier + 1 for earlier, later in zip(reader.headings, reader.headings[1:], strict=False))
    assert tags.count("table") == tags.count("caption") == tags.count("thead")
    assert all(attributes.get("scope") in {"col", "row"} for tag, attributes in reader.elements if tag == "th")


HOSTILE = "<b>|`*_[x](y)&amp; \\"


def test_what_would_be_mark_up_is_shown_as_it_is():
    table = Table(HOSTILE, (HOSTILE, "b"), ((HOSTILE, "x"), (Link(HOSTILE, "there"), "y")))
    blocks = [Heading(1, HOSTILE), Paragraph(HOSTILE), Bullets((HOSTILE,)), table]

    page = to_html(HOSTILE, blocks)

    assert "<b>" not in page
    assert read(page).text.count(HOSTILE) == 8
    markdown = to_markdown(blocks)
    assert "<b>" not in markdown
    assert html.unescape(re.sub(r"\\(.)", r"\1", markdown)).count(HOSTILE) == 7


@given(st.text(st.characters(exclude_categories=("C", "Z")), min_size=1))
def test_any_text_stays_itself_and_in_its_cell(text: str):
    table = Table("c", ("a", "b"), ((text, "y"),))

    assert text in "".join(read(to_html("t", [table])).text)
    row = to_markdown([table]).splitlines()[-1]
    assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", row)) == 3
    assert "<" not in row
    assert html.unescape(re.sub(r"\\(.)", r"\1", row)).startswith(f"| {text} | y")


def test_the_page_in_the_documents_is_up_to_date():
    shown = (ROOT / "docs" / "catalogue.md").read_text(encoding="utf-8")

    assert shown == PAGES["md"], "renew it: safety-stream rules page --out docs/catalogue.md"
