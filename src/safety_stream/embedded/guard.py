"""Runs a command as its only child and takes it along when whoever started this program goes away.

A Java process must not outlive the Python process that wanted it, not even when that one is killed with SIGKILL.
The starter keeps the other end of this program's standard input and never writes to it: the end of that pipe is the
end of the starter, seen at once and without polling, on Linux and macOS alike. (Linux could also signal a child at
its parent's death, but ties that to the *thread* which started it.)

    python guard.py COMMAND [ARGUMENT ...]

The first line on standard output is the process id of the command. SIGTERM is passed on to it; a closed standard
input kills it. The exit status is the command's own, or 128 plus the signal that ended it. It is run as a file, with
the standard library alone, so that it starts in milliseconds.
"""

import os
import signal
import subprocess
import sys
import threading
from types import FrameType


def run(command: list[str]) -> int:
    """Run `command` to its end, with standard output going where standard error goes, and return its exit status."""
    is_stopping = False
    child: subprocess.Popen[bytes] | None = None

    def pass_on(_signal: int, _frame: FrameType | None) -> None:
        nonlocal is_stopping
        is_stopping = True
        if child is not None:
            child.terminate()

    # Before the child exists, or a signal in between would end this program and leave the child alone.
    signal.signal(signal.SIGTERM, pass_on)
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sys.stderr)  # noqa: S603 - the caller's command
    if is_stopping:
        child.terminate()
    threading.Thread(target=_kill_when_abandoned, args=[child], daemon=True).start()
    sys.stdout.write(f"{child.pid}\n")
    sys.stdout.flush()
    status = child.wait()
    return status if status >= 0 else 128 - status


def _kill_when_abandoned(child: subprocess.Popen[bytes]) -> None:
    # Straight from the descriptor: a thread blocked in the buffered reader would spoil the interpreter's exit.
    os.read(sys.stdin.fileno(), 1)
    child.kill()


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
