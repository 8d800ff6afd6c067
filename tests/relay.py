"""A Lean worker's place: passes on what is said to and by one that `kept_workers` lends.

    python relay.py SOCKET COMMAND...

It begins, answers, dies and ends as the process of COMMAND would. At the end of its input the
worker goes back, to be lent again, if each request was answered: a `cancel` has no answer of its
own, so one that was told to cancel never does.
"""

import os
import select
import signal
import socket
import sys

CHUNK_BYTES = 1 << 20


def write(fd, data):
    while data:
        data = data[os.write(fd, data) :]


class Relay:
    """One loan. ready: the worker's first line, empty where it has not come yet."""

    def __init__(self, place, argv):
        self.keeper = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.keeper.connect(place)
        environ = [f"{name}={value}" for name, value in sorted(os.environ.items())]
        folder = os.getcwd()  # noqa: PTH109  pathlib takes longer to import than all this
        asked = "\0".join([folder, str(len(argv)), *argv, *environ]).encode()
        self.keeper.sendall(b"%d\n" % len(asked) + asked)
        self.ready, fds, _, _ = socket.recv_fds(self.keeper, 4096, 3)
        self.ready = self.ready.removeprefix(b"ready ")
        self.to_lean, self.from_lean, self.said_aside = fds
        self.open_requests = 0
        self.is_changed = False
        write(1, self.ready)

    def pass_on(self, fd):
        """What can be read there; False at its end."""
        data = os.read(fd, CHUNK_BYTES)
        if fd == 0:
            self.open_requests += data.count(b"\n")
            self.is_changed |= b'"op": "options"' in data
            write(self.to_lean, data)
        elif fd == self.said_aside:
            write(2, data)
        else:
            answers = data.count(b"\n")
            if not self.ready and answers:
                self.ready, answers = data[: data.index(b"\n") + 1], answers - 1
            self.open_requests -= answers
            write(1, data)
        return bool(data)

    def run(self):
        """Until one of the two ends; the exit status, a signal's with a minus."""
        poll = select.poll()
        for fd in (0, self.from_lean, self.said_aside):
            poll.register(fd, select.POLLIN | select.POLLHUP)
        while True:
            for fd, _ in poll.poll():
                if self.pass_on(fd):
                    continue
                poll.unregister(fd)
                if fd == 0:
                    return self.give_back()
                if fd == self.from_lean:
                    return self.died(poll)

    def give_back(self):
        if self.ready and not self.open_requests and not self.is_changed:
            self.keeper.sendall(b"kept " + self.ready)
        return 0

    def died(self, poll):
        while self.said_aside in dict(poll.poll(0)) and self.pass_on(self.said_aside):
            pass
        self.keeper.sendall(b"gone")
        return int(self.keeper.recv(16))


def main(place, *argv):
    status = Relay(place, argv).run()
    if status < 0:
        signal.signal(-status, signal.SIG_DFL) if -status != signal.SIGKILL else None
        os.kill(os.getpid(), -status)
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
