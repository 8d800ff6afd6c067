"""What `lakatos serve --http` adds to a tactic and a check, and what it bears.

    python benchmarks/serving_load.py cost|rate|clients|memory|kills|hung [--size N] [--json FILE]

cost: N tactics, and a tenth as many checks, one by one, in turn by a `lakatos.Session` and over one
connection to a server with one worker; then as lists of 32. rate: N rounds of the mixed script of
lean_tactics.py in the same way, one by one and as lists; how many a second, and how many Lean's own
time would allow. clients: 64 at once, each N requests.
memory: N cheap requests of all kinds, the memory of the server and of its Lean processes in
between. kills: N clients killed while they wait, N/10 servers killed while Lean works; what is left
of their processes. hung: one client's tactic never ends; what another one waits meanwhile.
Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import httpx
import lakatos
import lean_tactics  # type: ignore[import-not-found]
import record  # type: ignore[import-not-found]
from processes import alive, cpu_ms, mb_of, tree_of  # type: ignore[import-not-found]

START = "import sys; from lakatos.cli import main; sys.exit(main())"
SWAP = "theorem swap (p q : Prop) (h : p ∧ q) : q ∧ p := by sorry\n"
PROOF = "exact ⟨h.2, h.1⟩"
MIXED = (
    "constructor",
    "exact ⟨h.2, h.1⟩",
    "exact h",
    "obtain ⟨a, b⟩ := h",
    "simp [h]",
    "rw [And.comm]",
    "apply And.intro",
    "omega",
    "intro x",
    "have h2 : q := h.2",
)
BOOLS = " ".join("abcdefghijklmno")
CASES = " <;> ".join(f"cases {each}" for each in BOOLS.split())
ENDLESS = f"have : ∀ {BOOLS} : Bool, a = a := by intro {BOOLS}; {CASES} <;> rfl"
LIST = 32
Measure = Callable[[int], dict[str, Any]]


@contextmanager
def serving(*words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server at a free port: its process and address."""
    command = [sys.executable, "-c", START, "serve", "--http", "--port", "0", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = re.search(r"http://\S+?:\d+", process.stdout.readline())
        assert found, "the server did not start"
        try:
            yield process, found[0]
        finally:
            process.terminate()
            process.wait(timeout=90)


def timed(work: Callable[[], Any]) -> float:
    """Milliseconds of a call."""
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1e3


def median_of(values: Sequence[float]) -> float:
    """The median, to a microsecond."""
    return round(statistics.median(values), 3)


Post = Callable[[str, dict[str, Any]], dict[str, Any]]


@contextmanager
def both_doors(text: str) -> Iterator[tuple[lakatos.Session, Any, Post, int]]:
    """A text in a session of Python and in one over HTTP, each on a worker of its own.

    The first one, its file, what asks the second one, the process id of the server.
    """
    with (
        lakatos.Session(lean="embedded", workers=1) as lean,
        serving("--lean", "embedded", "--workers", "1") as (process, url),
    ):
        connection = HTTPConnection(url.removeprefix("http://"), timeout=600)

        def post(path: str, body: dict[str, Any]) -> dict[str, Any]:
            head = {"content-type": "application/json"}
            connection.request("POST", path, json.dumps(body), head)
            answer = connection.getresponse()
            found: dict[str, Any] = json.loads(answer.read())
            assert answer.status < 300, found
            return found

        place = f"/session/{post('/session', {'code': text})['session']}"
        file = lean.read(text)
        yield lean, file, lambda path, body: post(f"{place}/{path}", body), process.pid


def cost(size: int) -> dict[str, Any]:
    """What the way over HTTP adds to a tactic, a list of them, and a check."""
    with both_doors(SWAP) as (_, file, post, server):
        theorem = file.theorems[0]

        def over_http(tactics: Sequence[str]) -> None:
            post("apply", {"state": 0, "tactics": list(tactics)})

        def check_over_http() -> None:
            assert post("check", {"theorem": "swap", "proof": PROOF})["accepted"]

        both: dict[str, tuple[Callable[[int], Any], Callable[[int], Any], int, int]] = {
            "tactic": (
                lambda n: theorem.state.apply(MIXED[n % len(MIXED)]),
                lambda n: over_http([MIXED[n % len(MIXED)]]),
                size,
                1,
            ),
            "list": (
                lambda n: theorem.state.apply_all((MIXED * LIST)[:LIST]),
                lambda n: over_http((MIXED * LIST)[:LIST]),
                max(4, size // LIST),
                LIST,
            ),
            "check": (
                lambda n: theorem.check(PROOF),
                lambda n: check_over_http(),
                max(4, size // 10),
                1,
            ),
        }
        found: dict[str, Any] = {"load": os.getloadavg()[0]}
        for name, each in both.items():
            began = cpu_ms(server)
            found[name] = _in_turn(*each)
            spent = (cpu_ms(server) - began) / (each[2] + len(MIXED))
            found[name]["server_processor_ms"] = round(spent, 2)
        return found


def rate(size: int) -> dict[str, Any]:
    """Mixed tactics a second: by Session, over HTTP, and as many as Lean's own time allows."""
    tactics, many = lean_tactics.TACTICS, len(lean_tactics.STATEMENTS)
    with both_doors(lean_tactics.SOURCE) as (lean, file, post, _):
        states = [theorem.state for theorem in file.theorems]
        pool = lean.loop.wait(lean.parts()).pool
        ways: dict[str, tuple[Callable[[int, int], Any], Callable[[int, int], Any], int]] = {
            "one_by_one": (
                lambda state, n: states[state].apply(tactics[n]),
                lambda state, n: post("apply", {"state": state, "tactic": tactics[n]}),
                len(tactics),
            ),
            "lists": (
                lambda state, _: states[state].apply_all(tactics),
                lambda state, _: post("apply", {"state": state, "tactics": tactics}),
                1,
            ),
        }
        found: dict[str, Any] = {"load": os.getloadavg()[0], "rounds": size}
        for name, (direct, over_http, steps) in ways.items():
            places = [(state, n) for n in range(steps) for state in range(many)]
            _total_ms(places, direct, over_http)  # both are warm
            before = pool.lean_us
            one, two = _total_ms(places * size, direct, over_http)
            applied = size * many * len(tactics)
            found[name] = {
                "lean_alone_a_s": round(applied / (pool.lean_us - before) * 1e6, 1),
                "session_a_s": round(applied / one * 1e3, 1),
                "http_a_s": round(applied / two * 1e3, 1),
                "rate_ratio": round(one / two, 3),
            }
        return found


def _total_ms(
    places: Sequence[tuple[int, int]],
    direct: Callable[[int, int], Any],
    over_http: Callable[[int, int], Any],
) -> tuple[float, float]:
    """Milliseconds of each way, taken in turn."""
    one = two = 0.0
    for state, n in places:
        one += timed(lambda state=state, n=n: direct(state, n))
        two += timed(lambda state=state, n=n: over_http(state, n))
    return one, two


def _in_turn(
    direct: Callable[[int], Any], over_http: Callable[[int], Any], times: int, each: int
) -> dict[str, Any]:
    for n in range(len(MIXED)):  # both are warm
        direct(n)
        over_http(n)
    pairs = [(timed(lambda n=n: direct(n)), timed(lambda n=n: over_http(n))) for n in range(times)]
    one, two = ([pair[side] for pair in pairs] for side in (0, 1))
    return {
        "times": times,
        "session_median_ms": median_of(one),
        "http_median_ms": median_of(two),
        "added_median_ms": round(median_of(two) - median_of(one), 3),
        "median_of_what_each_adds_ms": median_of([b - a for a, b in pairs]),
        "session_a_s": round(each * times / sum(one) * 1e3, 1),
        "http_a_s": round(each * times / sum(two) * 1e3, 1),
        "rate_ratio": round(sum(one) / sum(two), 3),
    }


def clients(size: int) -> dict[str, Any]:
    """64 clients at once, each with an address of its own; whether one waits longer than others."""
    many = 64
    with serving("--lean", "embedded", "--most-waiting", "1000") as (_, url):
        port = url.rpartition(":")[2]
        body = {"snippets": [{"id": "a", "code": "theorem t : 1 = 1 := rfl"}], "timeout": 600}
        httpx.post(f"{url}/api/check", json=body, timeout=600)

        def work(number: int) -> tuple[float, int]:
            """Loopback has an address for each, so that the server tells them apart."""
            own = httpx.HTTPTransport(local_address=f"127.0.1.{number + 1}")
            bad, began = 0, time.perf_counter()
            with httpx.Client(transport=own, timeout=600) as client:
                for _ in range(size):
                    answer = client.post(f"http://127.0.0.1:{port}/api/check", json=body)
                    good = answer.status_code == 200 and "response" in answer.json()["results"][0]
                    bad += not good
            return time.perf_counter() - began, bad

        with ThreadPoolExecutor(many) as threads:
            found = list(threads.map(work, range(many)))
    walls = [wall for wall, _ in found]
    return {
        "clients": many,
        "requests_each": size,
        "errors": sum(bad for _, bad in found),
        "slowest_s": round(max(walls), 2),
        "fastest_s": round(min(walls), 2),
        "slowest_to_fastest": round(max(walls) / min(walls), 3),
        "requests_a_s": round(many * size / max(walls), 1),
    }


def memory(size: int) -> dict[str, Any]:
    """Cheap requests of all kinds; megabytes of the server, and of it with its Lean, by tenths."""
    with (
        serving("--lean", "embedded", "--workers", "1") as (process, url),
        httpx.Client(base_url=url, timeout=600) as client,
    ):
        code = [f"theorem t{n} : {n} = {n} := rfl" for n in range(7)]
        rows, done = [], 0
        for tenth in range(11):
            while done < size * tenth // 10:
                done += _some_requests(client, code[done % 7], min(200, size))
            rows.append(
                {
                    "requests": done,
                    "server_mb": mb_of([process.pid]),
                    "all_mb": mb_of(tree_of(process.pid)),
                }
            )
        return {"rows": rows}


def _some_requests(client: httpx.Client, code: str, most: int) -> int:
    """One session with tactics, a checked text, what is refused, and else the cheapest."""
    opened = client.post("/session", json={"code": SWAP}).json()
    place = f"/session/{opened['session']}"
    for tactic in MIXED:
        client.post(f"{place}/apply", json={"state": 0, "tactic": tactic}).raise_for_status()
    client.delete(place)
    body = {"snippets": [{"id": "a", "code": code}]}
    assert "response" in client.post("/api/check", json=body).json()["results"][0]
    assert client.get(place).status_code == 410
    assert client.post("/api/check", content="no JSON").status_code == 422
    done = len(MIXED) + 5
    for _ in range(max(0, most - done - 1)):
        client.get("/health")
        done += 1
    client.get("/metrics")
    return done + 1


def kills(size: int) -> dict[str, Any]:
    """Kill clients and servers at any moment; count what goes on without them."""
    with serving("--lean", "embedded", "--workers", "1") as (process, url):
        body = {"snippets": [{"id": "a", "code": f"example : True := by\n  {ENDLESS}\n  trivial"}]}
        httpx.post(f"{url}/session", json={"code": SWAP}, timeout=600).raise_for_status()
        for number in range(size):
            child = os.fork()
            if child == 0:
                httpx.post(f"{url}/api/check", json={**body, "timeout": 0.05}, timeout=600)
                os._exit(0)
            time.sleep(0.02 + 0.001 * (number % 50))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        before = tree_of(process.pid)
        answer = httpx.post(f"{url}/session", json={"code": SWAP}, timeout=600)
        answer.raise_for_status()
    left = alive(before)
    for number in range(size // 10):
        left += _killed_server(0.2 + 0.1 * (number % 10))
    return {"clients_killed": size, "servers_killed": size // 10, "processes_left": left}


def _killed_server(after_s: float) -> int:
    """Kill a server whose Lean is in a tactic that never ends; how many processes are left."""
    with serving("--lean", "embedded", "--workers", "1") as (process, url):
        opened = httpx.post(f"{url}/session", json={"code": SWAP}, timeout=600).json()
        ask = {"state": 0, "tactic": ENDLESS, "timeout_s": 600, "heartbeats": 10**8}
        with ThreadPoolExecutor(1) as threads:
            asked = threads.submit(_lost, f"{url}/session/{opened['session']}/apply", ask)
            time.sleep(after_s)
            family = tree_of(process.pid)
            process.kill()
            asked.result()
    return alive(family)


def _lost(url: str, body: dict[str, Any]) -> None:
    try:
        httpx.post(url, json=body, timeout=600)
    except httpx.HTTPError:
        return


def hung(size: int) -> dict[str, Any]:
    """One client's tactic never ends, on one of two workers; the tactics of another client."""
    with (
        serving("--lean", "embedded", "--workers", "2") as (_, url),
        httpx.Client(base_url=url, timeout=600) as client,
        ThreadPoolExecutor(1) as threads,
    ):
        other = httpx.HTTPTransport(local_address="127.0.1.9")
        with httpx.Client(base_url=url, transport=other, timeout=600) as hanging:
            names = [
                c.post("/session", json={"code": SWAP}).json()["session"] for c in (client, hanging)
            ]
            mine, theirs = (f"/session/{name}/apply" for name in names)

            def tactics() -> list[float]:
                ask = [{"state": 0, "tactic": MIXED[n % len(MIXED)]} for n in range(size)]
                return [timed(lambda each=each: client.post(mine, json=each)) for each in ask]

            tactics()
            alone = tactics()
            hang_s = 20.0
            ask = {"state": 0, "tactic": ENDLESS, "timeout_s": hang_s, "heartbeats": 10**8}
            asked = threads.submit(lambda: timed(lambda: hanging.post(theirs, json=ask)))
            time.sleep(0.5)
            beside = tactics()
            return {
                "alone_median_ms": median_of(alone),
                "beside_median_ms": median_of(beside),
                "beside_most_ms": round(max(beside), 1),
                "answered_while_it_hung": not asked.done(),
                "hung_ms": round(asked.result()),
            }


MEASURES: dict[str, tuple[Measure, int]] = {
    "cost": (cost, 300),
    "rate": (rate, 3),
    "clients": (clients, 10),
    "memory": (memory, 100_000),
    "kills": (kills, 200),
    "hung": (hung, 100),
}


def main() -> None:
    """Measure, print, and record."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("measure", choices=sorted(MEASURES))
    parser.add_argument("--size", type=int)
    parser.add_argument("--json")
    given = parser.parse_args()
    measure, size = MEASURES[given.measure]
    found = {"command": record.command(), "commit": record.commit(), **measure(given.size or size)}
    print(json.dumps(found, indent=1, ensure_ascii=False))
    if given.json:
        record.write(Path(given.json), found)


if __name__ == "__main__":
    main()
