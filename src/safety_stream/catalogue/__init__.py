"""The reviewed data under `catalogue/`: read, checked all at once, and turned into what the core runs on.

`load_catalogue` is for programs and refuses a catalogue with errors; `lint_catalogue` is for people and tells every
issue with its file, line and mend; `run_examples` holds each rule to the examples in its own file; `list_rules` and
`explain_rule` say in plain English what the rules are, `catalogue_page` all of it on one page, `link_rules` which rest
on which, and `diff_rules` what has changed in them; `approve` is how they are released; `rule_schema` is the format of
their files, for editors; `build_areas` makes another county's area set from a look-up. `unmeasured` tells what the
partners' agreements ask for and no indicator counts, `indicator_tables` what is counted.
"""

from __future__ import annotations

from safety_stream.catalogue.agreements import unmeasured
from safety_stream.catalogue.approving import Approval, Approved, NotReleasable, approve
from safety_stream.catalogue.areas import build_areas
from safety_stream.catalogue.differing import RuleDifference, diff_rules
from safety_stream.catalogue.examples import ExampleResult, run_examples
from safety_stream.catalogue.explaining import Entry, Explanation, Link, explain_rule, link_rules, list_rules
from safety_stream.catalogue.formats.rules import rule_schema
from safety_stream.catalogue.indicator_page import indicator_tables, renewed
from safety_stream.catalogue.issues import CatalogueError, Issue
from safety_stream.catalogue.loading import lint_catalogue, load_catalogue
from safety_stream.catalogue.page import catalogue_page

__all__ = [
    "Approval",
    "Approved",
    "CatalogueError",
    "Entry",
    "ExampleResult",
    "Explanation",
    "Issue",
    "Link",
    "NotReleasable",
    "RuleDifference",
    "approve",
    "build_areas",
    "catalogue_page",
    "diff_rules",
    "explain_rule",
    "indicator_tables",
    "link_rules",
    "lint_catalogue",
    "list_rules",
    "load_catalogue",
    "renewed",
    "rule_schema",
    "run_examples",
    "unmeasured",
]
