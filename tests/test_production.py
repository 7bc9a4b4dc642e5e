"""What may not be in production is found, each with its mend, and no secret is repeated."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from safety_stream.catalogue import load_catalogue
from safety_stream.config import Connection
from safety_stream.core.model.sharing import Sharing
from safety_stream.data_files import catalogue_folder
from safety_stream.production import (
    SECRET_CHARACTERS,
    TLS_SETTINGS,
    Shortcoming,
    of_database,
    of_kafka,
    of_listener,
    of_rights,
    of_secret,
    of_sharing,
    of_tls,
)

SECRET = "correct-horse-battery-staple-and-more"
BY_NAME = {
    "security.protocol": "SASL_SSL",
    "sasl.mechanism": "SCRAM-SHA-512",
    "sasl.username": "worker",
    "sasl.password": SECRET,
    "ssl.ca.location": "/etc/ca.pem",
}
BY_CERTIFICATE = {
    "security.protocol": "ssl",
    "ssl.certificate.location": "/etc/worker.pem",
    "ssl.key.location": "/etc/worker.key",
}
ELSEWHERE = f"postgresql+psycopg://pages:{SECRET}@db.example.org/pages"


def told(found: Iterator[Shortcoming]) -> str:
    """All of it; every one has a mend, and none repeats a secret."""
    shortcomings = list(found)
    assert all(one.what and one.mend for one in shortcomings)
    said = "\n".join(f"{one.what}: {one.mend}" for one in shortcomings)
    assert SECRET not in said
    return said


@pytest.fixture(scope="module")
def signed() -> Sharing:
    """The policy that ships, as if its agreements had been signed."""
    shipped = load_catalogue(catalogue_folder()).sharing
    agreements = {one.id: msgspec.structs.replace(one, made_up=False) for one in shipped.agreements}
    grants = [msgspec.structs.replace(one, agreement=agreements[one.agreement.id]) for one in shipped.grants]
    return msgspec.structs.replace(shipped, agreements=tuple(agreements.values()), grants=tuple(grants))


@pytest.mark.parametrize("further", [BY_NAME, BY_CERTIFICATE])
def test_a_connection_with_tls_that_says_who_we_are_is_for_production(further: dict[str, str]):
    assert told(of_kafka(Connection("kafka:9093", further))) == ""


@pytest.mark.parametrize(
    ("further", "said"),
    [
        ({}, "Kafka is spoken to in plain text"),
        (BY_NAME | {"security.protocol": "SASL_PLAINTEXT"}, "Kafka is spoken to in plain text"),
        (BY_NAME | {"security.protocol": SECRET}, "Kafka is spoken to in plain text"),
        (BY_NAME | {"ssl.endpoint.identification.algorithm": "none"}, "a broker's name is not held against"),
        ({"security.protocol": "SSL", "ssl.ca.location": "/etc/ca.pem"}, "Kafka is not told who we are"),
    ],
)
def test_a_connection_that_others_could_read_or_answer_is_not(further: dict[str, str], said: str):
    assert said in told(of_kafka(Connection("kafka:9093", further)))


def test_brokers_that_keep_nobody_from_anything_are_not():
    assert "the brokers keep no ACLs, or this process comes in as" in told(of_rights(may_alter_the_cluster=True))
    assert told(of_rights(may_alter_the_cluster=False)) == ""


CHAIN = "openssl_conf = all\n[all]\nssl_conf = ssl\n[ ssl ]\nsystem_default = least\n[least]\n{least}\n"


@pytest.mark.parametrize(
    ("settings", "is_enough"),
    [
        (TLS_SETTINGS.read_text(encoding="utf-8"), True),
        (CHAIN.format(least="MinProtocol=TLSv1.3  # and nothing older"), True),
        (CHAIN.format(least="MinProtocol = TLSv1.2"), False),
        (CHAIN.format(least="# MinProtocol = TLSv1.3"), False),
        # A link of the chain is missing, and then OpenSSL goes by none of it.
        ("ssl_conf = ssl\n[ssl]\nsystem_default = least\n[least]\nMinProtocol = TLSv1.3\n", False),
        ("system_default = least\n[least]\nMinProtocol = TLSv1.3\n", False),
        # Of a section that nobody reads.
        ("[least]\nMinProtocol = TLSv1.3\n", False),
        (CHAIN.format(least="MinProtocol = TLSv1") + "[another]\nMinProtocol = TLSv1.3\n", False),
        ("", False),
    ],
)
def test_settings_of_openssl_have_to_ask_for_the_newest_tls(settings: str, is_enough: bool):
    assert (told(of_tls(settings)) == "") == is_enough


def test_a_policy_that_was_signed_is_for_production(signed: Sharing):
    assert told(of_sharing(signed)) == ""


def test_the_policy_that_ships_is_not():
    """Both its agreements are samples, and the sentence names them."""
    said = told(of_sharing(load_catalogue(catalogue_folder()).sharing))

    assert "isa-crime-and-disorder is a sample" in said
    assert "isa-safeguarding is a sample" in said


def test_a_sample_that_nothing_is_granted_under_is_nobodys_concern(signed: Sharing):
    sample = msgspec.structs.replace(signed.agreements[0], id="sample", made_up=True)

    assert told(of_sharing(msgspec.structs.replace(signed, agreements=(*signed.agreements, sample)))) == ""


@pytest.mark.parametrize(
    ("without", "said"),
    [
        ({"agreements": (), "grants": ()}, "the policy rests on no agreement"),
        ({"grants": ()}, "the policy grants nobody anything"),
        ({"protected_places": frozenset()}, "the policy protects no place"),
    ],
)
def test_a_policy_that_holds_nothing_or_holds_back_nothing_is_not(signed: Sharing, without: dict, said: str):
    assert said in told(of_sharing(msgspec.structs.replace(signed, **without)))


def test_an_agreement_that_has_ended_keeps_no_process_from_starting(signed: Sharing):
    """It tells nobody anything; what it held back waits for its renewal in a process that runs."""
    ended = tuple(msgspec.structs.replace(one, valid_to=one.valid_from + 1) for one in signed.agreements)

    assert told(of_sharing(msgspec.structs.replace(signed, agreements=ended))) == ""


@pytest.mark.parametrize(
    ("host", "is_secured", "is_fit"),
    [
        ("127.0.0.1", False, True),
        ("127.8.8.8", False, True),
        ("::1", False, True),
        ("localhost", False, True),
        ("0.0.0.0", False, False),  # noqa: S104
        ("::", False, False),
        ("10.1.2.3", False, False),
        ("localhost.example.org", False, False),
        ("0.0.0.0", True, True),  # noqa: S104
    ],
)
def test_what_others_reach_speaks_tls(host: str, is_secured: bool, is_fit: bool):
    said = told(of_listener("pages", host, is_secured=is_secured, mend="put TLS in front"))

    assert (said == "") == is_fit
    assert is_fit or "pages would be served in plain text" in said


@pytest.mark.parametrize(
    ("secret", "said"),
    [
        (SECRET, ""),
        (None, "is not stated"),
        ("", "is shorter than"),
        (SECRET[: SECRET_CHARACTERS - 1], "is shorter than"),
        ("development" * 4, "is a pattern"),
        ("x" * 64, "is a pattern"),
    ],
)
def test_a_secret_is_one_that_nobody_guesses(secret: str | None, said: str):
    found = told(of_secret("the secret of cookies", secret, "make one"))

    assert said in found
    assert bool(said) == bool(found)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "sqlite:///copy.sqlite",
        "postgresql://pages@127.0.0.1/pages",
        "postgresql://pages@localhost:5433/pages",
        "postgresql:///pages",
        "postgresql:///pages?host=/run/postgresql",
        "postgresql://[::1]/pages",
        f"{ELSEWHERE}?sslmode=verify-full&ssl_min_protocol_version=TLSv1.3",
        "no URL [at all",
    ],
)
def test_a_database_here_or_behind_tls_is_for_production(url: str):
    assert told(of_database("--database", url)) == ""


@pytest.mark.parametrize(
    ("url", "lacking"),
    [
        (ELSEWHERE, "sslmode=verify-full and ssl_min_protocol_version=TLSv1.3"),
        (f"{ELSEWHERE}?sslmode=require&ssl_min_protocol_version=TLSv1.3", "add sslmode=verify-full to"),
        (f"{ELSEWHERE}?sslmode=verify-full", "add ssl_min_protocol_version=TLSv1.3 to"),
        (f"{ELSEWHERE}?sslmode=verify-full&sslmode=disable&ssl_min_protocol_version=TLSv1.3", "sslmode=verify-full"),
        ("postgresql:///pages?host=db.example.org", "sslmode=verify-full"),
        ("postgresql://127.0.0.1/pages?hostaddr=10.1.2.3", "sslmode=verify-full"),
        ("postgres://db.example.org/pages", "sslmode=verify-full"),
    ],
)
def test_a_database_elsewhere_in_plain_text_is_not(url: str, lacking: str):
    assert lacking in told(of_database("--database", url))
