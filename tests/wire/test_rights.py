"""Who may do what on the bus, as a table: nobody has more than the policy and the topology give."""

from __future__ import annotations

import msgspec

from safety_stream.catalogue import load_catalogue
from safety_stream.core import subject_access
from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.times import Day
from safety_stream.data_files import catalogue_folder
from safety_stream.wire.rights import WORKER, Acl, acls_of, is_ours, quotas_of
from safety_stream.wire.topology import CHAINED_TOPICS, NEVER_PUT_BACK, STAGES, inputs, members, topics

CATALOGUE = load_catalogue(catalogue_folder())
DAY: Day = 20_500
ACLS = acls_of(CATALOGUE, DAY)
TOPICS = {topic.name for topic in topics(CATALOGUE, 4)}


def who_may(operation: str, topic: str) -> set[str]:
    return {acl.user for acl in ACLS if (acl.resource, acl.name, acl.operation) == ("topic", topic, operation)}


def until(day: Day) -> Catalogue:
    """The catalogue with agreements that end on a day."""
    grants = tuple(
        msgspec.structs.replace(one, agreement=msgspec.structs.replace(one.agreement, valid_to=day))
        for one in CATALOGUE.sharing.grants
    )
    return msgspec.structs.replace(CATALOGUE, sharing=msgspec.structs.replace(CATALOGUE.sharing, grants=grants))


def test_a_partner_writes_its_own_topic_and_does_nothing_else():
    partner = [acl for acl in ACLS if acl.user == "partner.police-crimes"]

    assert partner == [
        Acl("partner.police-crimes", "topic", "partner.police-crimes", "describe"),
        Acl("partner.police-crimes", "topic", "partner.police-crimes", "write"),
    ]


def test_what_a_partner_sent_is_read_by_nobody_but_the_worker():
    """So the whereabouts of a refuge, which intake leaves out, are in no topic anybody else reads."""
    raw = {topic for topic in TOPICS if topic.startswith(("partner.", "backfill."))}

    assert {user for topic in raw for user in who_may("read", topic)} == {WORKER}


def test_an_audience_reads_its_own_alerts_and_writes_nothing():
    for audience in CATALOGUE.audiences:
        own = [acl for acl in ACLS if acl.user == f"audience.{audience.id}"]
        assert {acl.name for acl in own if acl.resource == "topic"} == {f"alerts.{audience.id}"}
        assert not [acl for acl in own if acl.operation == "write"]


def test_an_audience_whose_agreements_have_ended_reads_nothing_any_more():
    over = acls_of(until(DAY), DAY)

    assert [acl for acl in ACLS if acl.user.startswith("audience.")]
    assert not [acl for acl in over if acl.user.startswith("audience.")]
    assert [acl for acl in over if not acl.user.startswith("audience.")] == [
        acl for acl in ACLS if not acl.user.startswith("audience.")
    ]


def test_what_is_audited_is_written_by_the_worker_and_read_by_the_auditor_and_the_data_protection_officer():
    # The pages' copy knows who has answered what, and which reports are disputed; of the rest it reads nothing.
    # A worker reads which keys were destroyed, to destroy them again.
    also = {"audit.changes": {"project"}, "audit.entries": {"project", WORKER}}
    for topic in CHAINED_TOPICS:
        readers = {"auditor", "data-protection-officer"} | also.get(topic, set())
        assert (who_may("write", topic), who_may("read", topic)) == ({WORKER}, readers)


def test_what_was_found_is_read_by_those_who_have_to_follow_it_alone():
    """Of a finding, which names a person's key, the pages' copy keeps ids and no more."""
    assert who_may("read", "findings") == {WORKER, "project", "catalogue-owner", "data-protection-officer"}
    assert who_may("write", "findings") == {WORKER}


def test_whoever_looks_by_command_may_put_the_look_on_record():
    assert {"steward", "catalogue-owner", "data-protection-officer", "web"} <= who_may("write", "audit-entries")


def test_the_commands_of_the_audit_work_with_the_rights_of_whoever_answers_for_the_data():
    own = {acl.name for acl in ACLS if (acl.user, acl.operation) == ("data-protection-officer", "read")}
    certified = {"incidents", "findings", "alert-changes", "withheld", *members("alerts.", CATALOGUE)}

    assert {*subject_access.TOPICS, *certified, *members("indicators.", CATALOGUE), "person-links"} <= own
    assert "data-protection-officer" in who_may("write", "audit-entries")


def test_what_a_stage_reads_and_none_writes_somebody_may_write_and_put_back():
    read = {topic for row in STAGES for topic in inputs(row, CATALOGUE)}
    written = {topic for row in STAGES for family in row.writes for topic in members(family, CATALOGUE)}
    for topic in read - written - NEVER_PUT_BACK:
        assert {"operator", "web"} <= who_may("write", topic), topic


def test_whoever_answers_for_the_data_gives_orders_and_nobody_else():
    """Erasures, legal holds and their release: nobody puts one there for them, nor back once it was refused."""
    assert {"orders"} == NEVER_PUT_BACK
    assert who_may("write", "orders") == {"data-protection-officer"}
    assert who_may("read", "orders") == {"data-protection-officer", WORKER}
    followed = {acl.name for acl in ACLS if (acl.resource, acl.operation) == ("group", "describe")}
    assert followed == {"safety-stream.enter"}, "to know what is ordered and not on record yet"


def test_no_right_is_to_a_topic_there_is_none_of_and_none_is_for_everybody():
    assert {acl.name for acl in ACLS if acl.resource == "topic"} <= TOPICS
    assert all(is_ours(acl.user) and acl.user != "*" and acl.name != "*" for acl in ACLS)
    assert not [acl for acl in ACLS if acl.resource == "topic" and acl.prefixed]


def test_no_name_of_a_group_begins_with_another_users():
    """Else one could join the other's groups, and keep it from reading."""
    prefixes = {acl.name: acl.user for acl in ACLS if acl.resource == "group" and acl.prefixed}

    assert not [(one, other) for one in prefixes for other in prefixes if one != other and one.startswith(other)]


def test_each_partner_and_reader_has_a_quota():
    bounded = {quota.user for quota in quotas_of(CATALOGUE, DAY)}

    assert bounded == {acl.user for acl in ACLS if acl.user.startswith(("partner.", "audience.", "profile."))}
