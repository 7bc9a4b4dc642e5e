"""How a Kafka cluster is reached: its brokers, and what librdkafka has to know to be let in.

One value for every consumer, producer and admin client, so that none of them is secured and another is not. Only
settings of the connection itself are taken: on others (acknowledgements, isolation, ids of groups and transactions) the
guarantees rest, and they stand in the code. Values may be secrets, so nothing here ever repeats one; nor does it repeat
a name it does not know, because where a file has gone wrong a secret may stand in the place of a name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

TAKEN: Final = (
    "security.protocol",
    "ssl.",
    "sasl.",
    "https.ca.",
    "client.rack",
    "client.dns.lookup",
    "broker.address.",
    "connections.max.idle.ms",
    # Not `socket.timeout.ms`: it has to fit the timeout of transactions.
    "socket.connection.setup.timeout.ms",
    "socket.keepalive.enable",
    "socket.nagle.disable",
)
"""The settings a connection may have; one that ends in a dot stands for all that begin so."""

_INSTEAD: Final = {
    "bootstrap.servers": "brokers are named by --bootstrap or SAFETY_STREAM_BOOTSTRAP, not here; remove it",
    "sasl.jaas.config": "sasl.jaas.config is for Java; state sasl.username and sasl.password instead",
    "ssl.truststore.": "ssl.truststore.* is for Java; state ssl.ca.location instead, a file of PEM certificates",
}
"""What people bring along from elsewhere, and what to write in its place."""

_NOT_SECRET: Final = ("sasl.mechanism", "ssl.endpoint.identification.algorithm")
"""Of the settings that let one in, those whose values are words of the protocol."""


class ConnectionFault(ValueError):
    """A connection is stated wrongly. The sentence says where and what mends it, and holds no value."""


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach a cluster, secured or not.

    `bootstrap`: brokers as "host:port", several with commas. `further`: librdkafka's settings for being let in (TLS,
    SASL) and for the network, of those in `TAKEN`; they do not show when it is printed. Raises `ConnectionFault` for
    any other setting.
    """

    bootstrap: str
    further: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        for number, name in enumerate(self.further, 1):
            if refusal := _refusal(name):
                raise ConnectionFault(f"setting {number} of the connection: {refusal}")

    def settings(self) -> dict[str, str | int | float | bool]:
        """What every client of librdkafka is made with; its own settings go on top."""
        return {**self.further, "bootstrap.servers": self.bootstrap}

    def without_secrets(self, sentence: str) -> str:
        """What a library or a broker has to say of this connection, without the values that let one in."""
        secrets = [
            value
            for name, value in self.further.items()
            if name.startswith(("ssl.", "sasl.", "https.")) and not name.startswith(_NOT_SECRET) and value
        ]
        for secret in sorted(secrets, key=len, reverse=True):
            sentence = sentence.replace(secret, "…")
        return sentence


def read_settings(path: Path) -> dict[str, str]:
    """The settings of a connection from a properties file as Kafka's own tools take it, `client.properties`.

    One `name=value` a line, blanks around both left out; lines that begin with `#` are remarks. Raises
    `ConnectionFault` with file and line, and `OSError` when the file cannot be read.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError:
        raise ConnectionFault(f"{path}: this is no text in UTF-8; is it the right file?") from None
    found: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        name, equals, value = (part.strip() for part in text.partition("="))
        if fault := _form_fault(equals, value) or _refusal(name) or _repetition(name, found):
            raise ConnectionFault(f"{path}:{number}: {fault}")
        found[name] = value
    return found


def _form_fault(equals: str, value: str) -> str | None:
    if not equals:
        return "write name=value on one line, or begin it with # as a remark"
    return None if value else "there is no value; state one, or remove the line"


def _refusal(name: str) -> str | None:
    """Why a connection may not have this setting; None when it may."""
    for known, mend in _INSTEAD.items():
        if name.startswith(known):
            return mend
    if any(name.startswith(one) if one.endswith(".") else name == one for one in TAKEN):
        return None
    taken = ", ".join(f"{one}*" if one.endswith(".") else one for one in TAKEN)
    return f"no setting of a connection; taken are {taken}, and every other is fixed because guarantees rest on it"


def _repetition(name: str, before: Mapping[str, str]) -> str | None:
    return f"{name} is stated a second time; remove one of the two" if name in before else None
