"""`make fuzz`: coverage-guided noise for everything that reads what others wrote.

    fuzz/run.py [--seconds N] [TARGET ...]

Each target runs in a process of its own for so many seconds, from its seeds and from whatever it found before
(`build/fuzz/<target>`). Exit status 0: nothing left a target but values and refusals. 1: something did; its bytes are
in a file that is named, and belong into `fuzz/found/<target>` with the mend, where every test run tries them.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

KEPT = Path(__file__).parents[1] / "build" / "fuzz"
_ONE = "--one"


def main() -> int:
    """Run what was asked for; the exit status."""
    from targets import TARGETS  # noqa: PLC0415 - the process of one target imports it otherwise

    options = _options(list(TARGETS))
    names = options.targets or list(TARGETS)
    failed = [name for name in names if not _survives(name, TARGETS[name].seeds(), options.seconds)]
    for name in failed:
        print(f"{name}: something left it; see above, and {KEPT / name}-*", file=sys.stderr)
    return 1 if failed else 0


def _survives(name: str, seeds: Iterable[bytes], seconds: int) -> bool:
    print(f"{name}: {seconds} s ...", flush=True)
    corpus = KEPT / name
    corpus.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        (corpus / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)
    told = subprocess.run(
        [sys.executable, __file__, _ONE, name, str(seconds)], check=False, capture_output=True, text=True
    )
    lines = told.stderr.splitlines()
    # libFuzzer's own words: how often it ran, or where it ended.
    print("\n".join(lines[-3:] if told.returncode == 0 else lines[-60:]), flush=True)
    return told.returncode == 0


def _run_one(name: str, seconds: int) -> None:
    import atheris  # noqa: PLC0415 - only this process needs it

    # What is imported from here on says which of its branches were taken.
    with atheris.instrument_imports(include=["safety_stream", "targets"]):
        from targets import TARGETS  # noqa: PLC0415
    corpus = KEPT / name
    limits = [f"-max_total_time={seconds}", "-rss_limit_mb=2048", "-timeout=20", f"-artifact_prefix={corpus}-"]
    atheris.Setup([sys.argv[0], *limits, str(corpus)], TARGETS[name].take)
    atheris.Fuzz()


def _options(known: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=60, help="how long each target runs (default 60)")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(known)}; all without one")
    options = parser.parse_args()
    if unknown := set(options.targets) - set(known):
        parser.error(f"no target {', '.join(sorted(unknown))}: there are {', '.join(known)}")
    return options


if __name__ == "__main__":
    if sys.argv[1:2] == [_ONE]:
        _run_one(sys.argv[2], int(sys.argv[3]))
    sys.exit(main())
