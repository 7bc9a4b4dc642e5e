"""Prometheus' own tool: the one that is installed, or Debian's, fetched once into the user's cache.

A Debian package is unpacked and never installed, so nobody has to be root; apt checks its signature.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from safety_stream.embedded.jars import _cache_folder


class NoPromtool(Exception):
    """It is not there and cannot be fetched: why."""


def promtool() -> Path:
    """Where it is. Raises `NoPromtool`."""
    if installed := shutil.which("promtool"):
        return Path(installed)
    kept = _cache_folder() / "promtool"
    if not kept.exists():
        _fetch(kept)
    return kept


def _fetch(kept: Path) -> None:
    apt, dpkg = shutil.which("apt-get"), shutil.which("dpkg-deb")
    if apt is None or dpkg is None:
        raise NoPromtool("promtool is not installed, and there is no apt to fetch it with: install Prometheus")
    kept.parent.mkdir(parents=True, exist_ok=True)
    # Beside where it goes, so that the last step is a rename: whoever else fetches it at the same time does no harm.
    with tempfile.TemporaryDirectory(dir=kept.parent) as name:
        folder = Path(name)
        try:
            done = subprocess.run(
                [apt, "download", "prometheus"], cwd=folder, capture_output=True, text=True, check=False, timeout=200
            )
        except subprocess.TimeoutExpired:
            raise NoPromtool("apt has not fetched the package prometheus within 200 seconds") from None
        packages = [*folder.glob("*.deb")]
        if done.returncode or len(packages) != 1:
            raise NoPromtool(f"apt cannot fetch the package prometheus: apt-get update. It said: {done.stderr.strip()}")
        subprocess.run([dpkg, "--extract", str(packages[0]), str(folder)], check=True)
        (folder / "usr" / "bin" / "promtool").replace(kept)
