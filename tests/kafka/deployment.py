"""A deployment for production, of one broker by the shipped settings.

The broker has one door more than the shipped file: its starter asks there whether it runs, and the tests make topics,
users and rights there. No process uses it.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.kafka.authority import Authority

from safety_stream.config import Connection
from safety_stream.data_files import catalogue_folder
from safety_stream.embedded.kafka import _free_port

SHIPPED = Path(__file__).parents[2] / "deploy" / "production" / "server.properties"
PASSWORD = "correct-horse-battery"
DOORS = ("MTLS", "SCRAM", "CONTROLLER")
USERS = ("worker", "project", "deliver", "gateway", "web", "administrator", "partner.police-uk")


class Deployment:
    """The broker's settings, and what each process is given."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = Authority(folder)
        secret, public = self.authority.issue("kafka")
        store = folder / "broker.pem"
        store.write_bytes(secret.read_bytes() + public.read_bytes())
        ports: set[int] = set()
        while len(ports) < len(DOORS) + 1:
            ports.add(_free_port())
        self.plain, *others = ports
        self.ports = dict(zip(DOORS, others, strict=True))
        lines = SHIPPED.read_text(encoding="utf-8").splitlines()
        shipped = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
        doors = [f"PLAINTEXT://127.0.0.1:{self.plain}", *(f"{name}://127.0.0.1:{self.ports[name]}" for name in DOORS)]
        self.settings = shipped | {
            "listeners": ",".join(doors),
            "advertised.listeners": ",".join(doors[:-1]),
            "controller.quorum.voters": f"1@127.0.0.1:{self.ports['CONTROLLER']}",
            "listener.security.protocol.map": f"PLAINTEXT:PLAINTEXT,{shipped['listener.security.protocol.map']}",
            "ssl.keystore.location": str(store),
            "ssl.truststore.location": str(self.authority.file),
            "super.users": f"User:ANONYMOUS;{shipped['super.users']}",
        }
        # As if its agreements had been signed.
        self.catalogue = Path(shutil.copytree(catalogue_folder(), folder / "catalogue"))
        file = self.catalogue / "policy" / "agreements.yaml"
        file.write_text(file.read_text(encoding="utf-8").replace("    made_up: true\n", ""), encoding="utf-8")

    def connection(self, user: str) -> Connection:
        """By certificate for whoever keeps the copy, by name and password for all others."""
        trusted = {"ssl.ca.location": str(self.authority.file)}
        if user != "project":
            named = {"sasl.mechanism": "SCRAM-SHA-512", "sasl.username": user, "sasl.password": PASSWORD}
            return Connection(f"127.0.0.1:{self.ports['SCRAM']}", trusted | named | {"security.protocol": "SASL_SSL"})
        secret, public = self.authority.issue(user)
        files = {"ssl.key.location": str(secret), "ssl.certificate.location": str(public)}
        return Connection(f"127.0.0.1:{self.ports['MTLS']}", trusted | files | {"security.protocol": "SSL"})

    def environment(self, user: str) -> dict[str, str]:
        kafka = self.connection(user)
        config = self.folder / f"{user}.properties"
        config.write_text("".join(f"{name}={value}\n" for name, value in kafka.further.items()), encoding="utf-8")
        return {
            "SAFETY_STREAM_PRODUCTION": "yes",
            "SAFETY_STREAM_BOOTSTRAP": kafka.bootstrap,
            "SAFETY_STREAM_KAFKA_CONFIG": str(config),
            "SAFETY_STREAM_CATALOGUE": str(self.catalogue),
            "SAFETY_STREAM_DATA": str(self.folder / "data"),
        }
