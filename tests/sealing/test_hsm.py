"""A key in a hardware security module wraps the store's own, and what goes wrong there is said without a secret.

Each test is made twice: against SoftHSM, a real module without hardware, where the machine has it (Debian: apt install
softhsm2), and against a stand-in that does as the library says, everywhere.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pkcs11
import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pkcs11.exceptions import EncryptedDataInvalid, NoSuchKey, NoSuchToken, PinIncorrect, PinLocked, PKCS11Error
from pydantic import ValidationError

from safety_stream.sealing.database import open_database
from safety_stream.sealing.hsm import HsmKey
from safety_stream.sealing.providers import BadKeyEncryptionKey
from safety_stream.sealing.settings import HsmSettings, InHsmSettings, read_sealing_settings
from safety_stream.sealing.store import KeyStore

TOKEN, KEY, PIN = "safety", "safety-stream", "834715"
_KEPT_AT = ("/usr/lib/softhsm", "/usr/lib/*/softhsm", "/usr/lib64/softhsm", "/opt/homebrew/lib/softhsm")


class StandIn:
    """A module with one token, and in it one key."""

    def __init__(self) -> None:
        self.key = AESGCM(AESGCM.generate_key(256))
        self.tries = 3

    def get_token(self, token_label: str) -> StandIn:
        if token_label != TOKEN:
            raise NoSuchToken
        return self

    @contextmanager
    def open(self, user_pin: str) -> Iterator[StandIn]:
        if user_pin != PIN:
            self.tries -= 1
            raise PinIncorrect if self.tries > 0 else PinLocked
        if self.tries <= 0:
            raise PinLocked
        yield self

    def get_key(self, object_class: pkcs11.ObjectClass, key_type: pkcs11.KeyType, label: str) -> StandIn:
        if (object_class, key_type, label) != (pkcs11.ObjectClass.SECRET_KEY, pkcs11.KeyType.AES, KEY):
            raise NoSuchKey
        return self

    def encrypt(self, data: bytes, *, mechanism: pkcs11.Mechanism, mechanism_param: pkcs11.GCMParams) -> bytes:
        assert mechanism is pkcs11.Mechanism.AES_GCM
        return self.key.encrypt(mechanism_param.nonce, data, mechanism_param.aad)

    def decrypt(self, data: bytes, *, mechanism: pkcs11.Mechanism, mechanism_param: pkcs11.GCMParams) -> bytes:
        assert mechanism is pkcs11.Mechanism.AES_GCM
        try:
            return self.key.decrypt(mechanism_param.nonce, data, mechanism_param.aad)
        except (InvalidTag, ValueError):
            raise EncryptedDataInvalid from None


def module_of_softhsm() -> Path:
    """The module, where this machine has it and its tool; else the test is skipped."""
    named = [Path(os.environ["SOFTHSM2_MODULE"])] if "SOFTHSM2_MODULE" in os.environ else []
    found = [*named, *(one / "libsofthsm2.so" for place in _KEPT_AT for one in Path("/").glob(place[1:]))]
    for module in found:
        if module.exists() and shutil.which("softhsm2-util"):
            return module
    pytest.skip("no SoftHSM on this machine (softhsm2-util, libsofthsm2.so): apt-get install softhsm2")


@contextmanager
def softhsm(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A token of SoftHSM with one key, in a folder of its own."""
    module = module_of_softhsm()
    settings = folder / "softhsm2.conf"
    (folder / "tokens").mkdir()
    settings.write_text(f"directories.tokendir = {folder / 'tokens'}\n")
    patch.setenv("SOFTHSM2_CONF", str(settings))
    tool = ["softhsm2-util", "--module", str(module), "--init-token", "--free", "--label", TOKEN]
    subprocess.run([*tool, "--pin", PIN, "--so-pin", PIN], check=True, capture_output=True)
    try:
        with pkcs11.lib(str(module)).get_token(token_label=TOKEN).open(user_pin=PIN, rw=True) as session:
            session.generate_key(pkcs11.KeyType.AES, 256, label=KEY, store=True)
        yield module
    finally:
        # It has read where its tokens are, and is to read it anew.
        pkcs11.unload(str(module))


@pytest.fixture
def pin_file(tmp_path: Path) -> Path:
    path = tmp_path / "pin"
    path.touch(0o600)
    path.write_text(PIN + "\n")
    return path


@pytest.fixture(params=["stand-in", "SoftHSM"])
def module(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    if request.param == "SoftHSM":
        with softhsm(tmp_path, monkeypatch) as found:
            yield found
        return
    stand_in = StandIn()

    def lib(so: str) -> StandIn:
        if so != "stand-in.so":
            raise PKCS11Error(f"OS exception while loading {so}")
        return stand_in

    monkeypatch.setattr(pkcs11, "lib", lib)
    yield Path("stand-in.so")


@pytest.fixture
def key(module: Path, pin_file: Path) -> HsmKey:
    return HsmKey(module, TOKEN, KEY, pin_file)


def said(work: Callable[[], object]) -> str:
    with pytest.raises(BadKeyEncryptionKey) as wrong:
        work()
    return str(wrong.value)


def test_a_key_store_opens_by_a_key_in_a_token(key: HsmKey, tmp_path: Path):
    where = f"sqlite:///{tmp_path / 'keys.sqlite'}"
    first = KeyStore(open_database(where), key, lambda: 0)
    seals = first.sealed(["tok-a", "tok-b"])
    first.close()
    second = KeyStore(open_database(where), key, lambda: 0)

    assert second.known(["tok-a", "tok-b"]) == seals
    second.close()


def test_what_was_wrapped_is_opened_and_what_was_changed_is_not(key: HsmKey):
    wrapped = key.wrap(b"s" * 32)

    assert key.unwrap(wrapped) == b"s" * 32
    assert key.wrap(b"s" * 32) != wrapped
    assert b"s" * 8 not in wrapped
    for changed in (wrapped[:-1] + bytes([wrapped[-1] ^ 1]), bytes([wrapped[0] ^ 1]) + wrapped[1:], b"short"):
        assert "somebody has changed it" in said(lambda changed=changed: key.unwrap(changed))


def test_what_goes_wrong_names_the_thing_and_the_mend_and_no_secret(module: Path, pin_file: Path, tmp_path: Path):
    def wrapping(module: Path = module, token: str = TOKEN, key: str = KEY) -> str:
        return said(lambda: HsmKey(module, token, key, pin_file).wrap(b"s" * 32))

    assert "has not one token of that label" in wrapping(token="another")
    assert "has not one AES key of that label" in wrapping(key="another")
    assert "no-module.so is the vendor's PKCS #11 module" in wrapping(module=tmp_path / "no-module.so")
    pin_file.write_text("999999")
    refused = wrapping()
    assert f"refuses the PIN in {pin_file}" in refused
    assert "999999" not in refused


def test_a_pin_that_was_refused_is_not_tried_again_for_tokens_lock(key: HsmKey, pin_file: Path):
    pin_file.write_text("999999")
    for _ in range(20):
        assert "refuses the PIN" in said(lambda: key.wrap(b"s" * 32))

    pin_file.write_text(PIN)
    assert key.unwrap(key.wrap(b"s" * 32)) == b"s" * 32


def test_a_file_of_the_pin_that_others_read_or_nobody_is_named(key: HsmKey, pin_file: Path):
    def wrapping() -> str:
        return said(lambda: key.wrap(b"s" * 32))

    pin_file.chmod(0o644)
    assert "chmod 600" in wrapping()
    pin_file.unlink()
    assert "cannot be read" in wrapping()


def test_settings_name_the_module_the_labels_and_the_file_of_the_pin(tmp_path: Path):
    file = tmp_path / "sealing.yaml"
    file.write_text(
        "store: sqlite:///keys.sqlite\n"
        "key:\n  hsm: {module: /usr/lib/vendor.so, token: Safety partnership, key: kek, pin_file: /run/secrets/pin}\n"
    )
    expected = HsmSettings(
        module=Path("/usr/lib/vendor.so"), token="Safety partnership", key="kek", pin_file=Path("/run/secrets/pin")
    )

    assert read_sealing_settings(file).key == InHsmSettings(hsm=expected)
    with pytest.raises(ValidationError):
        HsmSettings(module=Path("m"), token="t" * 33, key="kek", pin_file=Path("p"))
