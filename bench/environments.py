"""Environments of their own for the peers, made once under the user's cache: their pins must not touch ours."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

_PEERS = Path(__file__).with_name("peers")


def interpreter(peer: str, progress: Callable[[str], None]) -> Path:
    """The Python of an environment holding exactly `peers/<peer>.txt`; made now if it is not there yet.

    Raises `RuntimeError` with pip's own words when it cannot be made.
    """
    pins = _PEERS / f"{peer}.txt"
    identity = hashlib.sha256(pins.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = cache_folder() / f"{peer}-{identity}"
    python = folder / "bin" / "python"
    complete = folder / "complete"
    if not complete.exists():
        progress(f"Making an environment for {peer} (once)")
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True)
        install = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--quiet", "-r", str(pins)]
        installing = subprocess.run(install, capture_output=True, text=True, check=False)
        if installing.returncode != 0:
            raise RuntimeError(f"pip could not install {pins}: {installing.stderr.strip()}")
        complete.touch()
    return python


def cache_folder() -> Path:
    """Where the bench keeps what is expensive to make again."""
    base = os.environ.get("XDG_CACHE_HOME")
    folder = (Path(base) if base else Path.home() / ".cache") / "safety-stream" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
