"""Views as HTML: the templates of this package, and the macros of GOV.UK Frontend they are made of."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from jinja2 import Environment, PackageLoader, PrefixLoader
from jinja2.loaders import ChoiceLoader
from markupsafe import Markup

from safety_stream.data_files import web_styles


@lru_cache(maxsize=1)
def _environment() -> Environment:
    loader = ChoiceLoader(
        [
            PackageLoader("safety_stream.web"),
            PrefixLoader({"govuk_frontend_jinja": PackageLoader("govuk_frontend_jinja")}),
        ]
    )
    environment = Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    # What charts.py draws is markup already; it has escaped whatever it was given.
    environment.filters["drawn"] = Markup
    environment.globals["has_styles"] = web_styles() is not None
    return environment


def written(template: str, values: Mapping[str, object]) -> str:
    """A page."""
    return _environment().get_template(template).render(values)
