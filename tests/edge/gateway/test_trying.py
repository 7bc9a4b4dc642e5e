"""The gateway to try a client on: it answers as over Kafka, sends nothing, and says what intake would refuse."""

import logging
from pathlib import Path

import pytest
from tests.edge.gateway.making import NOW, report, serving

from safety_stream.catalogue import load_catalogue
from safety_stream.core.model.times import to_iso
from safety_stream.data_files import catalogue_folder
from safety_stream.edge.gateway.partners import BEGIN
from safety_stream.edge.gateway.trying import PARTNER, TryingBroker, partners_of_all
from safety_stream.keyring import new_key

KEY = new_key(BEGIN, PARTNER)
LINE = {
    "prefix": KEY.prefix,
    "sha256": KEY.sha256,
    "expires": to_iso(NOW)[:10],
}


def test_reports_have_receipts_and_what_intake_would_refuse_is_said_without_a_value(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    catalogue = load_catalogue(catalogue_folder())
    broker = TryingBroker(catalogue, lambda: NOW)
    everybody = partners_of_all(LINE, sorted(catalogue.sources))
    with serving(tmp_path, broker, everybody) as site, caplog.at_level(logging.WARNING):
        good = site.send(report(parties=[]), key=KEY.key)
        wrong = site.send(report(source_ref="case-2", category="zaphod"), key=KEY.key)
        stranger = site.send(report())

    assert (good.status_code, wrong.status_code, stranger.status_code) == (202, 202, 401)
    assert (good.json()["topic"], good.json()["offset"], wrong.json()["offset"]) == ("partner.council-asb", 0, 1)
    (said,) = (one.getMessage() for one in caplog.records if "would_be_refused" in one.getMessage())
    assert said.startswith("gateway.would_be_refused: schema-violation: field category is not in the catalogue")
    assert "zaphod" not in said
