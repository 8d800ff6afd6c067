"""A library of a few theorems, and a worker that poses them."""

from lakatos.data.errors import WorkerDied
from lakatos.data.records import TimedOut
from lakatos.lean_env.protocol import Failure, Result

MODULES = [["A", ["Init"], 3], ["B", ["A"], 5], ["C", ["A", "B"], 2]]


def posed(name, *, alike=None, closed=None, constants=("Nat",), marks=(), order=()):
    return {
        "name": name, "form": "plain", "statement": f"theorem {name} : True := by sorry",
        "key": f"key of {name}", "alike": alike or f"alike of {name}", "closed": closed,
        "marks": list(marks), "constants": list(constants), "order": list(order),
        "premise": f"@[simp] protected axiom {name} : True" if order else None,
    }  # fmt: skip


class Toolchain:
    """What a worker is started from; nobody looks inside."""

    name, lean = "toy", "1"

    def worker_command(self, *, memory_mb):
        return memory_mb


class Server:
    """A worker that answers, but ends at the theorems called deadly, and is slow at slow ones.

    started: all workers made, oldest first; each has the pages it was asked for.
    """

    def __init__(self, deadly=(), slow=(), broken=(), grows_mb=0.0):
        self.deadly, self.slow, self.broken, self.grows_mb = deadly, slow, broken, grows_mb
        self.started = []

    async def start(self, command):
        self.started.append(Worker(self))
        return self.started[-1]

    @property
    def pages(self):
        return [page for worker in self.started for page in worker.pages]


class Worker:
    def __init__(self, server):
        self.server = server
        self.pages = []
        self.is_closed = False
        self.own_mb = 0.0

    async def close(self):
        self.is_closed = True

    async def request(self, op, *, wall_s, imports, module=None, start=0, count=0, heartbeats=0):
        assert not self.is_closed
        assert imports == ["Init", "Std"]
        if op == "library":
            return Result(1, {"modules": MODULES})
        self.pages.append((module, start, count))
        self.own_mb += self.server.grows_mb
        names = [f"{module}.t{n}" for n in range(start, start + count)]
        if module in self.server.broken:
            return Failure(1, "import_failed", "no such module")
        if set(names) & set(self.server.deadly):
            raise WorkerDied("stack overflow")
        if set(names) & set(self.server.slow):
            return TimedOut(wall_s)
        return Result(1, {"theorems": [posed(name) for name in names], "next": None})
