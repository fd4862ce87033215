"""Ctrl-C and its like end a program by KeyboardInterrupt, so that what it started is stopped on the way out."""

import signal

ASKED = (signal.SIGINT, signal.SIGTERM)


def _stop(_signal, _frame):
    raise KeyboardInterrupt


def end_on_signals():
    # Also SIGINT: a shell that starts this in the background has it ignored otherwise.
    for asked in ASKED:
        signal.signal(asked, _stop)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # not under nohup
        signal.signal(signal.SIGHUP, _stop)


def end_undisturbed():
    """A second Ctrl-C must not leave processes behind."""
    for asked in ASKED:
        signal.signal(asked, signal.SIG_IGN)
