"""Writes `kafka.lock`: resolves the release with all it needs, fetches it, notes sizes and hashes.

Run by `make lock-kafka` when `KAFKA_VERSION` changes; the difference is then reviewed like that of any lock.
"""

import sys
import tempfile
from pathlib import Path

from jgo.maven import MavenContext, PythonResolver

from safety_stream.embedded.jars import KAFKA_VERSION, LOCK_FILE, TIMEOUT_SECONDS, WANTED, repositories, sha256_of


def write_lock() -> int:
    """Write the lock anew from Maven's own description of the release and return how many jars it names."""
    with tempfile.TemporaryDirectory() as folder:
        maven = MavenContext(PythonResolver(), Path(folder), remote_repos=repositories(), timeout=TIMEOUT_SECONDS)
        asked_for, needed = maven.resolver.resolve([maven.create_dependency(wanted) for wanted in WANTED])
        lines = []
        for artifact in (dependency.artifact for dependency in [*asked_for, *needed]):
            path = artifact.resolve()
            coordinates = f"{artifact.groupId}:{artifact.artifactId}:{artifact.version}"
            lines.append(f"{coordinates} {path.stat().st_size} {sha256_of(path)}")
    title = f"# Apache Kafka {KAFKA_VERSION}; written by `make lock-kafka`, not by hand."
    LOCK_FILE.write_text("\n".join([title, *sorted(lines), ""]), encoding="utf-8")
    return len(lines)


if __name__ == "__main__":
    sys.stdout.write(f"{LOCK_FILE.name}: {write_lock()} jars\n")
