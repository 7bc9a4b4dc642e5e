"""A key that is in Vault wraps the store's own, and what goes wrong there is said without a secret.

What answers here is a stand-in that does as Vault's documentation of its transit engine says.
"""

from __future__ import annotations

import base64
import json
import secrets
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from pydantic import ValidationError

from safety_stream.sealing.database import open_database
from safety_stream.sealing.providers import BadKeyEncryptionKey, decrypted, encrypted
from safety_stream.sealing.settings import VaultSettings
from safety_stream.sealing.store import KeyStore
from safety_stream.sealing.vault import VaultKey

TOKEN = "a-token-of-vault"


class Vault(ThreadingHTTPServer):
    """A transit engine with one key."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Asked)
        self.key = secrets.token_bytes(32)
        self.calls: list[str] = []
        self.says: bytes | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Asked(BaseHTTPRequestHandler):
    server: Vault

    def do_POST(self) -> None:
        self.server.calls.append(self.path)
        said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status, data = self._answer(said)
        content = self.server.says or json.dumps({"data": data}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _answer(self, said: dict[str, str]) -> tuple[int, dict[str, str]]:
        if self.headers["X-Vault-Token"] != TOKEN:
            return 403, {}
        about = base64.b64decode(said["associated_data"])
        if self.path == "/v1/transit/encrypt/kek":
            content = encrypted(self.server.key, base64.b64decode(said["plaintext"]), about)
            return 200, {"ciphertext": f"vault:v1:{base64.b64encode(content).decode()}"}
        if self.path == "/v1/transit/decrypt/kek":
            try:
                plain = decrypted(self.server.key, base64.b64decode(said["ciphertext"].split(":")[2]), about)
            except InvalidTag:
                return 400, {}
            return 200, {"plaintext": base64.b64encode(plain).decode()}
        return 404, {}

    def log_message(self, *_: object) -> None:
        """Tests are quiet."""


@pytest.fixture
def vault() -> Iterator[Vault]:
    server = Vault()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.touch(0o600)
    path.write_text(TOKEN + "\n")
    return path


@pytest.fixture
def key(vault: Vault, token_file: Path) -> VaultKey:
    return VaultKey(vault.url, "transit", "kek", token_file)


def test_a_key_store_opens_by_a_key_in_vault_which_is_asked_once_a_process(vault: Vault, key: VaultKey, tmp_path: Path):
    where = f"sqlite:///{tmp_path / 'keys.sqlite'}"
    first = KeyStore(open_database(where), key, lambda: 0)
    seals = first.sealed(["tok-a", "tok-b"])
    first.close()
    second = KeyStore(open_database(where), key, lambda: 0)

    assert second.known(["tok-a", "tok-b"]) == seals
    wraps = ["/v1/transit/encrypt/kek", "/v1/transit/decrypt/kek"]
    assert vault.calls == [*wraps, "/v1/transit/decrypt/kek"], "it is tried once, when the store is begun"
    second.close()


def test_what_was_wrapped_is_opened_and_what_was_changed_is_not(key: VaultKey):
    wrapped = key.wrap(b"s" * 32)

    assert key.unwrap(wrapped) == b"s" * 32
    for changed in (wrapped[:-5] + b"AAAA=", b"\xff"):
        with pytest.raises(BadKeyEncryptionKey):
            key.unwrap(changed)


def test_what_goes_wrong_is_said_without_a_secret(vault: Vault, key: VaultKey, token_file: Path):
    def said() -> str:
        with pytest.raises(BadKeyEncryptionKey) as wrong:
            key.wrap(b"s" * 32)
        return str(wrong.value)

    vault.says = b"<html>"
    assert "no Vault" in said()
    token_file.write_text("another-token")
    assert "403" in said()
    assert "another-token" not in said()
    token_file.chmod(0o644)
    assert "chmod 600" in said()
    token_file.unlink()
    assert "cannot be read" in said()


def test_a_vault_that_is_not_there_says_so(token_file: Path):
    with pytest.raises(BadKeyEncryptionKey, match="does not answer"):
        VaultKey("http://127.0.0.1:1", "transit", "kek", token_file).wrap(b"s" * 32)


def test_a_vault_elsewhere_is_spoken_to_over_tls_alone(token_file: Path):
    def settings(url: str) -> VaultSettings:
        return VaultSettings(url=url, key="kek", token_file=token_file)

    assert settings("https://vault.example:8200").mount == "transit"
    assert settings("http://127.0.0.1:8200")
    with pytest.raises(ValidationError):
        settings("http://vault.example:8200")
