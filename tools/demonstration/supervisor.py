"""Keeps processes running, as systemd would: one that dies is started again after a back-off."""

import ctypes
import os
import signal
import subprocess
import time

BACK_OFF_FIRST = 0.1  # seconds
BACK_OFF_MAX = 2.0
STEADY_AFTER = 5.0  # a process that ran this long begins anew with the first back-off
STOP_PATIENCE = 5.0

PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(parent):
    """In the child, before exec: even a kill -9 of the demo must not leave anything behind."""

    def prepare():
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return prepare


class Child:
    def __init__(self, name, command, log, environment=None, directory=None):
        self.name = name
        self.command = command
        self.log = log
        self.environment = environment or {}
        self.directory = directory
        self.process = None
        self.wanted = True
        self.started_at = 0.0
        self.start_at = 0.0
        self.back_off = BACK_OFF_FIRST
        self.restarts = 0

    @property
    def pid(self):
        return self.process.pid if self.process else None

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.directory,
                env={**os.environ, **self.environment},
                start_new_session=True,
                preexec_fn=die_with_parent(os.getpid()),
            )
        self.started_at = time.monotonic()


class Supervisor:
    def __init__(self, changed):
        self.children = []
        self.changed = changed  # called after a process was started

    def add(self, child):
        self.children.append(child)
        child.start()
        self.changed()
        return child

    def tend(self):
        """Collects the dead and starts them again when it is time. Call it often."""
        now = time.monotonic()
        for child in self.children:
            if not child.wanted:
                continue
            if child.process is not None:
                if child.process.poll() is None:
                    continue
                if now - child.started_at >= STEADY_AFTER:
                    child.back_off = BACK_OFF_FIRST
                child.start_at = now + child.back_off
                child.back_off = min(child.back_off * 2, BACK_OFF_MAX)
                kill_group(child.process.pid)  # what it had started
                child.process = None
            if child.process is None and now >= child.start_at:
                child.restarts += 1
                child.start()
                self.changed()

    def restarts(self):
        return sum(child.restarts for child in self.children)

    def stop(self, children=None):
        """Asks them to end, then makes them. They stay stopped."""
        ending = [child for child in (self.children if children is None else children) if child.process is not None]
        for child in children if children is not None else self.children:
            child.wanted = False
        for child in ending:
            try:
                child.process.terminate()
            except ProcessLookupError:
                pass
        until = time.monotonic() + STOP_PATIENCE
        failed = []
        for child in ending:
            try:
                code = child.process.wait(max(0.0, until - time.monotonic()))
                if code not in (0, -signal.SIGTERM):
                    failed.append((child.name, code))
            except subprocess.TimeoutExpired:
                failed.append((child.name, "did not end in time"))
            kill_group(child.process.pid)
            child.process.wait()
            child.process = None
        return failed


def kill_group(pid):
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
