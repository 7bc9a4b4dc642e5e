"""A schema registry that is down is down for others: ours is a file in the package, read once, and nobody is asked."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path

import pytest

from safety_stream.data_files import schemas_folder
from safety_stream.wire.check import samples
from safety_stream.wire.codecs import STRUCTS, Codecs
from safety_stream.wire.framing import header
from safety_stream.wire.general import General
from safety_stream.wire.registry import Registry, read_registry


def all_bytes(registry: Registry) -> list[tuple[str, bytes]]:
    """A record of each version of each schema."""
    return [
        (subject, header(one.id) + General(one.schema).write(samples(one.schema)["full"]))
        for subject in registry.subjects()
        if subject in STRUCTS
        for one in registry.versions(subject)
    ]


def test_whatever_is_written_and_read_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        pytest.fail("somebody was asked")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    registry = read_registry()
    codecs = Codecs(registry)

    for subject, raw in all_bytes(registry):
        value = codecs.decode((subject,), raw)
        assert codecs.decode((subject,), codecs.encode(value)) == value


def test_a_process_that_runs_needs_its_files_no_more(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(schemas_folder(), tmp_path / "schemas"))
    registry = read_registry(folder)
    codecs = Codecs(registry)
    shutil.rmtree(folder)

    for subject, raw in all_bytes(registry):
        assert codecs.encode(codecs.decode((subject,), raw))
