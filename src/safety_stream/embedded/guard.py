"""Runs a command as its only child and takes it along when whoever started this program goes away.

A Java process must not outlive the Python process that wanted it, not even when that one is killed with SIGKILL.
The starter keeps the other end of this program's standard input and never writes to it: the end of that pipe is the
end of the starter, seen at once and without polling, on Linux and macOS alike. (Linux could also signal a child at
its parent's death, but ties that to the *thread* which started it.)

    python guard.py SECONDS COMMAND [ARGUMENT ...]

The first line on standard output is the process id of the command. SIGTERM asks the command to end, SIGUSR1 kills it,
and when standard input ends it is asked, and killed if it is still there after SECONDS. The exit status is the
command's own, or 128 plus the signal that ended it. It is run as a file, with the standard library alone, so that it
starts in milliseconds.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from types import FrameType

# What a signal to this program means for the command.
_MEANING: dict[int, int] = {signal.SIGTERM: signal.SIGTERM, signal.SIGUSR1: signal.SIGKILL}


def run(command: list[str], grace_seconds: float) -> int:
    """Run `command` to its end, with standard output going where standard error goes, and return its exit status."""
    asked: list[int] = []
    child: subprocess.Popen[bytes] | None = None

    def pass_on(number: int, _frame: FrameType | None) -> None:
        asked.append(number)
        if child is not None:
            child.send_signal(_MEANING[number])

    # Before the child exists, or a signal in between would end this program and leave the child alone.
    for number in _MEANING:
        signal.signal(number, pass_on)
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sys.stderr)  # noqa: S603 - the caller's command
    for number in asked:
        child.send_signal(_MEANING[number])
    threading.Thread(target=_end_when_abandoned, args=[child, grace_seconds], daemon=True).start()
    sys.stdout.write(f"{child.pid}\n")
    sys.stdout.flush()
    status = child.wait()
    return status if status >= 0 else 128 - status


def _end_when_abandoned(child: subprocess.Popen[bytes], grace_seconds: float) -> None:
    # Straight from the descriptor: a thread blocked in the buffered reader would spoil the interpreter's exit.
    os.read(sys.stdin.fileno(), 1)
    child.terminate()
    # This program ends with its child, and this thread with it.
    time.sleep(grace_seconds)
    child.kill()


if __name__ == "__main__":
    sys.exit(run(sys.argv[2:], float(sys.argv[1])))
