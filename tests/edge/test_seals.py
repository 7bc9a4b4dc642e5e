"""What is signed is believed for as long as nobody has touched it, and by whose key it was."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from safety_stream.core.audit import Checkpoint, Mark
from safety_stream.core.putting_right import Certificate, Notice, certified_part
from safety_stream.edge.seals import BadKey, Signer, Verifier, new_key, public_path, read_signer, read_verifier

SAID = Checkpoint(at=7, marks=(Mark("audit.alerts", 0, 3, "ab" * 32),))
CERTIFIED = Certificate(
    incident_id="an-id", source="housing", stands_as="erase", at=7, acts=(), findings=(), resting=(), notices=(),
    values=(), is_complete=True,
)  # fmt: skip


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "audit.pem"
    new_key(path)
    return path


@pytest.fixture
def signer(key: Path) -> Signer:
    return read_signer(key)


@pytest.fixture
def verifier(key: Path) -> Verifier:
    return read_verifier([public_path(key)])


def test_what_was_signed_is_believed(signer: Signer, verifier: Verifier):
    assert verifier.why_no_checkpoint(signer.checkpoint(SAID)) == ""
    assert verifier.why_no_certificate(signer.certificate(CERTIFIED)) == ""


def test_whatever_is_changed_afterwards_is_not_believed(signer: Signer, verifier: Verifier):
    signed, certified = signer.checkpoint(SAID), signer.certificate(CERTIFIED)
    other = Mark("audit.alerts", 0, 2, "ab" * 32)

    for spoilt in ({"at": 8}, {"marks": ()}, {"marks": (other,)}, {"signature": "00" * 64}, {"signature": "no hex"}):
        assert "its signature is not" in verifier.why_no_checkpoint(msgspec.structs.replace(signed, **spoilt))
    for spoilt in ({"is_complete": False}, {"stands_as": "new"}, {"incident_id": "another"}):
        assert "its signature is not" in verifier.why_no_certificate(msgspec.structs.replace(certified, **spoilt))


def test_another_key_is_not_believed_and_an_older_one_beside_it_is(signer: Signer, key: Path, tmp_path: Path):
    new_key(tmp_path / "other.pem")
    other, both = tmp_path / "other.pem.pub", [public_path(key), tmp_path / "other.pem.pub"]
    signed = signer.checkpoint(SAID)

    assert "not among those given" in read_verifier([other]).why_no_checkpoint(signed)
    assert read_verifier(both).why_no_checkpoint(signed) == ""
    assert "not among those given" in read_verifier(both).why_no_checkpoint(SAID)


def test_a_private_key_is_for_its_owner_alone_and_never_overwritten(key: Path):
    assert key.stat().st_mode & 0o777 == 0o600
    with pytest.raises(BadKey, match="is there already"):
        new_key(key)

    key.chmod(0o640)

    with pytest.raises(BadKey, match="can be read by others: chmod 600"):
        read_signer(key)


def test_what_is_no_key_is_said_to_be_none(key: Path, tmp_path: Path):
    text = tmp_path / "text"
    text.write_text("no key", encoding="utf-8")
    text.chmod(0o600)

    with pytest.raises(BadKey, match="no private Ed25519 key"):
        read_signer(text)
    with pytest.raises(BadKey, match="no public Ed25519 key"):
        read_verifier([text])
    with pytest.raises(BadKey, match="no public Ed25519 key"):
        read_verifier([key])


def test_a_certificate_of_before_notices_said_since_when_they_are_open_is_believed_as_it_was():
    """What was signed then is the message pack of all its fields; the later one was not among them."""
    notice = Notice(
        audience="desk", seq=2, alert_id="a", version=2, change="withdrawn", why="restated", incident_id="i",
        action="erase", told_at=7,
    )  # fmt: skip
    made = msgspec.structs.replace(CERTIFIED, notices=(notice,))
    said = msgspec.to_builtins(made)
    del said["notices"][0]["opened_at"]
    del said["untold"]

    assert certified_part(made) == msgspec.msgpack.encode(said | {"signature": ""})
    later = msgspec.structs.replace(made, notices=(msgspec.structs.replace(notice, opened_at=7),))
    assert certified_part(later) != certified_part(made)
