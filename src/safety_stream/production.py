"""What may not be in production: plain text, doors without a lock, keys everybody knows, a policy that is a sample.

Each function takes what somebody stated and gives all that is wrong with it, each with its mend. None asks anybody
anything, and none repeats a value, which may be a secret. What concerns which process its own command knows; all of it
is told at once, and nothing is started (`cli/production.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

import msgspec

from safety_stream.config import Connection
from safety_stream.core.model.sharing import Sharing

SECRET_CHARACTERS: Final = 32
"""As many as `secrets.token_urlsafe(24)` gives, which are 192 bits."""

_DISTINCT_AT_LEAST: Final = 12
"""Of 32 random characters of base 64 fewer are different in less than one secret of a billion."""

TLS_SETTINGS: Final = Path(__file__).with_name("production.cnf")
"""What OpenSSL is to go by: librdkafka has no setting for the least version of TLS, and its OpenSSL reads this."""

_SAYS_WHO_WE_ARE: Final = ("ssl.certificate.", "ssl.keystore.")
_STRICT_TLS: Final = {"sslmode": "verify-full", "ssl_min_protocol_version": "TLSv1.3"}
_TO_THE_DEFAULTS: Final = ("openssl_conf", "ssl_conf", "system_default")
"""What names the section from which OpenSSL's defaults are, each in the section before; the first in none."""

_SECTION: Final = re.compile(r"\[\s*([^\]]*?)\s*\]")
_KAFKA_FILE: Final = "in the file of --kafka-config or SAFETY_STREAM_KAFKA_CONFIG"


class Shortcoming(msgspec.Struct, frozen=True):
    """Something that is not for production, and what to do about it."""

    what: str
    mend: str


def of_kafka(kafka: Connection) -> Iterator[Shortcoming]:
    """What is wrong with how Kafka is reached."""
    protocol = kafka.further.get("security.protocol", "plaintext").lower()
    if protocol not in ("ssl", "sasl_ssl"):
        mend = f"state security.protocol=SASL_SSL, or SSL with a certificate, {_KAFKA_FILE}"
        yield Shortcoming("Kafka is spoken to in plain text", mend)
        return
    named = kafka.further.get("ssl.endpoint.identification.algorithm", "https").lower()
    if named != "https":
        mend = f"remove ssl.endpoint.identification.algorithm {_KAFKA_FILE}"
        yield Shortcoming("a broker's name is not held against its certificate, so anybody's would do", mend)
    if protocol == "ssl" and not any(name.startswith(_SAYS_WHO_WE_ARE) for name in kafka.further):
        mend = (
            f"state ssl.certificate.location and ssl.key.location, or SASL_SSL with a name and password, {_KAFKA_FILE}"
        )
        yield Shortcoming("Kafka is not told who we are", mend)


def of_rights(*, may_alter_the_cluster: bool) -> Iterator[Shortcoming]:
    """What is wrong with brokers that let a process do what none of ours needs."""
    if may_alter_the_cluster:
        mend = "set up the brokers as in deploy/production/server.properties, and give this process a user of its own"
        yield Shortcoming("the brokers keep no ACLs, or this process comes in as a super user", mend)


def of_tls(settings: str) -> Iterator[Shortcoming]:
    """What is wrong with the settings of OpenSSL that somebody gave this process."""
    sections = _sections_of(settings)
    section: str | None = ""
    for name in _TO_THE_DEFAULTS:
        section = None if section is None else sections.get(section, {}).get(name)
    if section is None or sections.get(section, {}).get("MinProtocol") != "TLSv1.3":
        mend = "add MinProtocol = TLSv1.3 to its section of system_default, or leave OPENSSL_CONF unset for ours"
        yield Shortcoming("the file named by OPENSSL_CONF lets older TLS than 1.3 be spoken with Kafka", mend)


def _sections_of(settings: str) -> dict[str, dict[str, str]]:
    """What OpenSSL's settings state, by section; what stands before the first is in one without a name."""
    sections: dict[str, dict[str, str]] = {}
    section = ""
    for line in settings.splitlines():
        said = line.partition("#")[0].strip()
        if begins := _SECTION.fullmatch(said):
            section = begins[1]
        elif "=" in said:
            name, _, value = said.partition("=")
            sections.setdefault(section, {})[name.strip()] = value.strip()
    return sections


def of_sharing(sharing: Sharing) -> Iterator[Shortcoming]:
    """What is wrong with the policy. That an agreement has ended is nothing wrong: then nothing is told under it."""
    if not sharing.agreements:
        mend = "put the partnership's own into policy/agreements.yaml of your --catalogue"
        yield Shortcoming("the policy rests on no agreement", mend)
    elif not sharing.grants:
        yield Shortcoming(
            "the policy grants nobody anything", "write grants into policy/policy.yaml of your --catalogue"
        )
    for agreement in sharing.agreements:
        if agreement.made_up and any(grant.agreement.id == agreement.id for grant in sharing.grants):
            mend = "grant under agreements that were signed, in policy/ of your --catalogue, and leave the sample out"
            yield Shortcoming(f"agreement {agreement.id} is a sample that nobody signed", mend)
    if not sharing.protected_places:
        mend = "name kinds of place under protected_places in policy/policy.yaml, as the catalogue that ships does"
        yield Shortcoming("the policy protects no place: where a refuge is would go to whoever reads alerts", mend)


def of_listener(what: str, host: str, *, is_secured: bool, mend: str) -> Iterator[Shortcoming]:
    """What is wrong with an address that something is served at: others reach it, and it speaks no TLS."""
    if not is_secured and not is_loopback(host):
        mend = f"{mend}, or listen on 127.0.0.1 alone"
        yield Shortcoming(f"{what} would be served in plain text to whoever reaches this machine", mend)


def of_secret(what: str, secret: str | None, mend: str) -> Iterator[Shortcoming]:
    """What is wrong with a secret that somebody chose."""
    if secret is None:
        yield Shortcoming(f"{what} is not stated", mend)
    elif len(secret) < SECRET_CHARACTERS:
        yield Shortcoming(f"{what} is shorter than {SECRET_CHARACTERS} characters", mend)
    elif len(set(secret)) < _DISTINCT_AT_LEAST:
        yield Shortcoming(f"{what} is a pattern that can be guessed", mend)


def of_database(option: str, url: str) -> Iterator[Shortcoming]:
    """What is wrong with how a database is reached: its file, and one on this machine, need nothing."""
    try:
        stated = urlsplit(url)
        asked = parse_qs(stated.query)
        hosts = [stated.hostname or "", *asked.get("host", []), *asked.get("hostaddr", [])]
    except ValueError:
        # No URL at all, which is said where it is opened.
        return
    if not stated.scheme.startswith("postgres") or all(map(_is_this_machine, hosts)):
        return
    lacking = [f"{name}={value}" for name, value in _STRICT_TLS.items() if asked.get(name) != [value]]
    if lacking:
        what = f"the database of {option} is on another machine, and it is not said that TLS 1.3 has to be spoken"
        yield Shortcoming(what, f"add {' and '.join(lacking)} to what follows the ? in its URL")


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine reaches an address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_this_machine(host: str) -> bool:
    # PostgreSQL's own way to name a socket of this machine is its folder, or nothing.
    return not host or host.startswith("/") or is_loopback(host)
