"""How Kafka's own tools are told to get in: in Java's words, made from librdkafka's."""

from __future__ import annotations

from pathlib import Path

import pytest

from safety_stream.config import Connection, ConnectionFault
from safety_stream.embedded.tools import java_settings

PEM = "-----BEGIN MADE UP-----\nabc=\n-----END MADE UP-----\n"
IN_ONE_LINE = PEM.replace("\n", "\\n")


def said(settings: dict[str, str]) -> dict[str, str]:
    lines = java_settings(Connection("kafka:9094", settings)).splitlines()
    return dict(line.split("=", 1) for line in lines)


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "some.pem"
    path.write_text(PEM, encoding="ascii")
    return str(path)


def test_plain_text_needs_no_words():
    assert said({}) == {"ssl.endpoint.identification.algorithm": "https"}


def test_a_name_and_a_password_are_a_login_whatever_is_in_them(file: str):
    settings = {
        "security.protocol": "sasl_ssl",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "worker",
        "sasl.password": 'a"b\\c;é€😀 =',
        "ssl.ca.location": file,
        "client.rack": "a",
    }

    assert said(settings) == {
        "security.protocol": "SASL_SSL",
        "ssl.truststore.type": "PEM",
        "ssl.truststore.certificates": IN_ONE_LINE,
        "ssl.endpoint.identification.algorithm": "https",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.jaas.config": (
            'org.apache.kafka.common.security.scram.ScramLoginModule required username="worker" '
            'password="a\\\\"b\\\\\\\\c;\\u00e9\\u20ac\\ud83d\\ude00 =";'
        ),
    }


def test_a_certificate_is_handed_over_with_its_key(file: str):
    settings = {
        "security.protocol": "SSL",
        "ssl.certificate.location": file,
        "ssl.key.location": file,
        "ssl.key.password": "horse",
        "ssl.endpoint.identification.algorithm": "none",
    }

    assert said(settings) == {
        "security.protocol": "SSL",
        "ssl.key.password": "horse",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.certificate.chain": IN_ONE_LINE,
        "ssl.keystore.key": IN_ONE_LINE,
        "ssl.endpoint.identification.algorithm": "",
    }


@pytest.mark.parametrize(
    "settings",
    [
        {"sasl.mechanism": "OAUTHBEARER"},
        {"sasl.mechanism": "GSSAPI", "sasl.kerberos.keytab": "/etc/secret-place"},
        {"ssl.ca.pem": "secret-place"},
        {"ssl.keystore.location": "/etc/secret-place"},
        {"ssl.certificate.location": "/etc/secret-place"},
    ],
)
def test_what_java_has_no_words_for_is_refused_and_not_repeated(settings: dict[str, str]):
    with pytest.raises(ConnectionFault, match="run what --list prints") as told:
        java_settings(Connection("kafka:9094", settings))

    assert "secret-place" not in str(told.value)
