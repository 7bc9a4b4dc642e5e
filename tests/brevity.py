"""Which files of tests `make test` leaves out, because they take long, and `make test-long` runs.

Continuous integration runs both. Left out is what tries at length what others try in brief, or what shows that the
tests themselves can fail. How long each takes is what `pytest --durations` says of a run of all.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

LONG: Final = {
    "catalogue/test_every_mistake.py": "catalogue/test_lint.py",
    "catalogue/test_fairness.py": "cli/test_fairness.py",
    "cli/test_backtest.py": "catalogue/test_backtesting.py",
    "cli/test_broker.py": "demo/test_demo_on_kafka.py",
    "cli/test_help.py": "the commands' own tests",
    "cli/test_judgements.py": "core/judgements",
    "cli/test_production.py": "test_production.py",
    "cli/test_secured.py": "wire/test_rights.py",
    "cli/test_tokens.py": "edge/tokens",
    "cli/test_watch.py": "web/test_inbox.py",
    "cli/test_west_yorkshire.py": "edge",
    "cli/test_why.py": "core/rules/test_why.py",
    "cli/test_without_a_broker.py": "the commands' own tests",
    "conformance/test_eql.py": "conformance/test_cases.py",
    "contract/test_rules_contract.py": "core/rules",
    "core/stages/test_judge.py": "core/judgements",
    "core/stages/test_judge_is_right.py": "core/judgements",
    "core/test_measures.py": "core/stages/test_measure.py",
    "delivery/test_deliver_on_kafka.py": "delivery/test_outbox.py",
    "delivery/test_faults.py": "delivery/test_outbox.py",
    "delivery/test_sending.py": "delivery/test_outbox.py",
    "demo/test_pages.py": "web/test_inbox.py",
    "demo/test_pages_on_kafka.py": "demo/test_demo_on_kafka.py",
    "deploy/test_prometheus.py": "observability",
    "deploy/test_wheel.py": "nothing: a fault of packaging shows in continuous integration",
    "edge/gateway/test_on_kafka.py": "edge/gateway/test_app.py",
    "edge/gateway/test_schemathesis.py": "edge/gateway",
    "embedded/test_kafka.py": "demo/test_demo_on_kafka.py",
    "kafka/test_audit.py": "replay/test_erasure.py",
    "kafka/test_backbone.py": "kafka/test_loop_on_kafka.py, demo/test_demo_on_kafka.py",
    "kafka/test_links.py": "core/rules/test_linked.py",
    "kafka/test_other_rules.py": "replay/test_releases.py",
    "kafka/test_production_on_kafka.py": "test_production.py",
    "kafka/test_quotas_on_kafka.py": "wire/test_rights.py",
    "kafka/test_retention.py": "cli/test_retaining.py",
    "kafka/test_rights_on_kafka.py": "wire/test_rights.py",
    "kafka/test_trimming.py": "core/test_retention.py",
    "linkage/test_scoring.py": "linkage",
    "observability/test_secrets.py": "observability/test_logs.py",
    "readmodel/test_properties.py": "readmodel/test_reading.py",
    "replay/test_broken_on_purpose.py": "nothing: it shows that the tests beside it can fail",
    "replay/test_cells.py": "core/rules/test_near.py",
    "replay/test_counties.py": "replay/test_stream_is_batch.py",
    "replay/test_elsewhere.py": "core/rules/test_chains.py",
    "replay/test_links.py": "core/rules/test_linked.py",
    "replay/test_neighbourhoods.py": "core/rules/test_share.py",
    "replay/test_other_rules.py": "core/stages/test_changing.py",
    "replay/test_why.py": "core/rules/test_why.py",
    "simulation/test_backbone.py": "simulation/test_simulation.py",
    "simulation/test_faults.py": "simulation/test_simulation.py",
    "simulation/test_mutants.py": "nothing: it shows that the simulation can fail",
    "simulation/test_other_rules.py": "replay/test_releases.py",
    "simulation/test_renewal.py": "simulation/test_simulation.py",
    "simulation/test_sealing.py": "cli/test_sealing.py, sealing",
    "synthetic/test_stories.py": "synthetic/test_county.py",
    "web/test_every_page.py": "web/test_inbox.py",
    "web/test_policy.py": "core/test_policy.py",
    "web/test_sessions.py": "web/test_sign_in.py",
    "wire/test_codecs.py": "wire/test_schemas.py",
}
"""A file under `tests`, and where the same is tried in brief."""


def is_left_out(file: Path, *, brief: bool, long: bool) -> bool:
    """Whether a file of tests, named from `tests` on, is left out of a brief run, or of one of the long ones alone."""
    is_long = file.as_posix() in LONG
    return (brief and is_long) or (long and not is_long)
