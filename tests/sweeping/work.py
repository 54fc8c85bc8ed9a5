"""What the tests let processes do: it needs no torch."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path


def work(task: str):
    """Carry out ``what:argument``."""
    what, _, argument = task.partition(":")
    if what == "sleep":
        time.sleep(float(argument))
    elif what == "exit":
        os._exit(int(argument))
    elif what == "kill":
        os.kill(os.getpid(), getattr(signal, argument))
        time.sleep(10)
    elif what == "memory":
        held = b"x" * int(argument)
        time.sleep(60)
        del held
    elif what == "raise":
        raise ValueError(argument)
    elif what == "print":
        print(argument, flush=True)
        os.write(2, argument.encode())
    elif what == "imported":
        return argument in sys.modules
    elif what == "pid":
        return os.getpid()
    elif what == "touch-and-sleep":
        Path(argument).write_text(str(os.getpid()))
        time.sleep(60)
    return f"{task} done"
