"""A mounted losing-fs: what is on it and was not flushed goes at the next cut."""

import os
import select
import signal
import subprocess

from world import PR_SET_PDEATHSIG, libc

NOT_HERE = 77
PATIENCE = 20.0


class NoFuse(Exception):
    """This machine has none: the test says so, and that it did not run."""


class LosingDisk:
    def __init__(self, binaries, mount):
        self.mount = mount
        os.makedirs(mount)
        self.process = subprocess.Popen([os.path.join(binaries, "losing-fs"), mount], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True, bufsize=1, preexec_fn=lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL))
        if self._line() != "ready":
            errors = self.process.stderr.read().strip()
            code = self.process.wait()
            raise NoFuse(errors) if code == NOT_HERE else RuntimeError(f"losing-fs: {errors or code}")

    def _line(self):
        if not select.select([self.process.stdout], [], [], PATIENCE)[0]:
            raise RuntimeError("losing-fs says nothing")
        return self.process.stdout.readline().rstrip("\n")

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        answer = self._line()
        if answer != "ok":
            raise RuntimeError(f"losing-fs, told {line}: {answer}")

    def counts(self):
        """{"flush": n, "change": n, "cut": 0 or 1}, since the last cut-at."""
        self.process.stdin.write("counts\n")
        words = self._line().split()
        return dict(zip(words[::2], map(int, words[1::2])))

    def stop(self):
        self.process.stdin.close()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            subprocess.run(["umount", "-l", self.mount], check=False)
        for stream in (self.process.stdout, self.process.stderr):
            stream.close()
