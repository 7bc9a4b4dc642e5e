"""Kafka's own tools, run with our Java and our jars against any cluster, for what its library for Python cannot do.

How they get in is said in Java's words, made from librdkafka's: in a file that only we may read, and that is gone when
the tool has ended. What Java has no words for is refused.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from safety_stream.config import Connection, ConnectionFault
from safety_stream.embedded.errors import EmbeddedKafkaError
from safety_stream.embedded.jars import Progress, kafka_jars
from safety_stream.embedded.kafka import environment, java_command

CONFIGS: Final = "kafka.admin.ConfigCommand"
"""What `kafka-configs.sh` runs."""

_SECONDS_MAX: Final = 120.0
_LOGIN: Final = {
    "PLAIN": "org.apache.kafka.common.security.plain.PlainLoginModule",
    "SCRAM-SHA-256": "org.apache.kafka.common.security.scram.ScramLoginModule",
    "SCRAM-SHA-512": "org.apache.kafka.common.security.scram.ScramLoginModule",
}
_AS_THEY_ARE: Final = ("security.protocol", "ssl.key.password", "connections.max.idle.ms")
_OF_NO_CONCERN: Final = ("client.rack", "client.dns.lookup", "broker.address.", "socket.")


def run_tool(tool: str, words: Sequence[str], kafka: Connection, progress: Progress) -> str:
    """What a tool says to standard output. Raises `EmbeddedKafkaError` when it fails, and `ConnectionFault`.

    The first time on a machine Kafka is fetched (45 MB); without a network that is said.
    """
    class_path = os.pathsep.join(str(jar) for jar in kafka_jars(progress))
    with tempfile.TemporaryDirectory(prefix="safety-stream-tool-") as folder:
        settings = Path(folder) / "client.properties"
        # Made by `TemporaryDirectory` for us alone; the file is besides.
        settings.touch(mode=0o600)
        settings.write_text(java_settings(kafka), encoding="ascii")
        try:
            done = subprocess.run(  # noqa: S603 - our own Java
                [
                    *(*java_command(class_path), tool, "--bootstrap-server", kafka.bootstrap),
                    *("--command-config", str(settings), *words),
                ],
                env=environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_SECONDS_MAX,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise EmbeddedKafkaError(f"Kafka's own tool had no answer within {_SECONDS_MAX:.0f} s.") from None
    if done.returncode != 0:
        said = kafka.without_secrets((done.stderr.strip() or done.stdout.strip()).partition("\n")[0])
        raise EmbeddedKafkaError(f"Kafka's own tool failed: {said or 'it does not say why'}.")
    return done.stdout


def java_settings(kafka: Connection) -> str:
    """How to be let in, as a properties file of Java's. Raises `ConnectionFault` for what Java has no words for.

    Files of certificates and keys are read: `OSError`.
    """
    left = dict(kafka.further)
    said: dict[str, str] = {name: left.pop(name) for name in _AS_THEY_ARE if name in left}
    if "security.protocol" in said:
        said["security.protocol"] = said["security.protocol"].upper()
    if (authority := left.pop("ssl.ca.location", None)) is not None:
        said |= {"ssl.truststore.type": "PEM", "ssl.truststore.certificates": _text(authority)}
    if {"ssl.certificate.location", "ssl.key.location"} <= left.keys():
        said["ssl.keystore.type"] = "PEM"
        said["ssl.keystore.certificate.chain"] = _text(left.pop("ssl.certificate.location"))
        said["ssl.keystore.key"] = _text(left.pop("ssl.key.location"))
    named = left.pop("ssl.endpoint.identification.algorithm", "https")
    said["ssl.endpoint.identification.algorithm"] = "" if named.lower() == "none" else named
    mechanism = left.pop("sasl.mechanism", left.pop("sasl.mechanisms", None))
    if mechanism in _LOGIN:
        user, password = left.pop("sasl.username", ""), left.pop("sasl.password", "")
        said["sasl.mechanism"] = mechanism
        said["sasl.jaas.config"] = (
            f"{_LOGIN[mechanism]} required username={_quoted(user)} password={_quoted(password)};"
        )
    foreign = [name for name in left if not name.startswith(_OF_NO_CONCERN)]
    if foreign or (mechanism is not None and mechanism not in _LOGIN):
        raise ConnectionFault(
            "Kafka's own tools cannot be let in by such settings (they take files of PEM, PLAIN and SCRAM): "
            "run what --list prints where those tools are set up"
        )
    return "".join(f"{name}={_escaped(value)}\n" for name, value in said.items())


def _text(path: str) -> str:
    return Path(path).read_text(encoding="ascii")


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _escaped(value: str) -> str:
    """A value in one line of a properties file, whatever is in it."""
    named = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\f": "\\f"}
    text = "".join(named.get(letter, letter) for letter in value)
    units = text.encode("utf-16-be")
    pairs = (int.from_bytes(units[at : at + 2], "big") for at in range(0, len(units), 2))
    escaped = "".join(chr(unit) if 32 <= unit < 127 else f"\\u{unit:04x}" for unit in pairs)  # noqa: PLR2004
    return f"\\{escaped}" if escaped.startswith(" ") else escaped
