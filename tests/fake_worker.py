"""A worker that speaks the protocol on a toy logic, and misbehaves on demand.

A goal is a number to bring to nothing. A file is lines: `import NAME`, `theorem NAME : N N ...`
(one hole for each N), `example : N`, `def NAME`, `crash`, `noise`, `stall`.
Tactics: `dec` n to n-1, `zero` proves 0, `split A B` two independent states, `pair A B` one state
with two goals, `spawn K` K states, `big A B` the goal A * 10^B; `slow` runs until cancelled,
`late` succeeds when cancelled, `hang` never ends; `die STATUS`, `kill`, `panic`, `abort MARK` end
the process, the last only if the file MARK is not there yet; `plan sorry sorry` is a draft of two
holes, `seek` is replaced by the `dec` that it found, `say TEXT` does nothing and says so;
`garbage`, `wrong_id`, `overflow`, `half` break the wire; `odd MARK` gives another result each
time; `note TEXT` writes to stderr, fails.
"""

import json
import os
import queue
import signal
import sys
import threading
from collections import deque
from pathlib import Path

VERSION = 1
states = {}
files = {}
next_id = [0]
requests = queue.Queue()
unanswered = deque()  # (id, cancellation event) of each request read, the running one first
channel = os.dup(1)


def send(text):
    data = text.encode()
    while data:
        data = data[os.write(channel, data) :]


def reply(id, **fields):
    unanswered.popleft()
    send(json.dumps({"v": VERSION, "id": id, **fields}) + "\n")


def read_requests():
    for line in sys.stdin:
        request = json.loads(line)
        if request["op"] != "cancel":
            unanswered.append((request["id"], threading.Event()))
            requests.put(request)
        elif unanswered and unanswered[0][0] == request["id"]:
            unanswered[0][1].set()
    requests.put(None)


def new_state(numbers, positions):
    next_id[0] += 1
    states[next_id[0]] = numbers
    goals = [
        {
            "tag": "",
            "target": f"{n}",
            "hypotheses": [{"name": "h", "type": "Nat"}, {"name": "v", "type": "T", "value": "1"}],
        }
        for n in numbers
    ]
    key = " ".join(map(str, numbers))
    return {
        "state": next_id[0],
        "key": key,
        "size": len(numbers),
        "positions": positions,
        "goals": goals,
    }


def open_file(request):
    imports, commands, holes, messages, start = [], [], [], [], 0
    for line_number, line in enumerate(request["source"].split("\n"), 1):
        word, *rest = line.split() or [""]
        if word == "import":
            imports.append(rest[0])
        elif word == "crash":
            os._exit(3)
        elif word == "stall":
            unanswered[0][1].wait()
        elif word in ("theorem", "example", "def"):
            name = rest[0] if word != "example" else None
            added = [{"name": name, "kind": word, "type": "toy"}] if name else []
            stop = start + len(line.encode())
            spans = {"start": start, "stop": stop, "us": 1}
            commands.append({"kind": word, "declarations": added, **spans})
            numbers = rest[2:] if word == "theorem" else rest[1:] if word == "example" else []
            for number in numbers:
                column = line.rindex(number)
                holes.append(
                    {
                        "start": start + column,
                        "stop": start + column + len(number),
                        "line": line_number,
                        "column": column,
                        "command": len(commands) - 1,
                        "declaration": name,
                        "mode": "tactic",
                        "prop": True,
                        "statement": False,
                        "states": [new_state([int(number)], [0])],
                    }
                )
        elif word == "noise":
            print("a program's own output", flush=True)
            text = {"severity": "info", "text": "noise"}
            messages.append(
                {**text, "line": line_number, "column": 0, "start": start, "stop": None}
            )
        start += len(line.encode()) + 1
    next_id[0] += 1
    files[next_id[0]] = request["source"]
    return {
        "file": next_id[0],
        "imports": imports,
        "messages": messages,
        "commands": commands,
        "parsed": [],
        "holes": holes,
    }


def reject(text, kind="elaboration"):
    return {"rejected": {"kind": kind, "text": text}}


def advance(*groups):
    made, position = [], 0
    for group in groups:
        made.append(new_state(group, list(range(position, position + len(group)))))
        position += len(group)
    return {"states": made}


def wild(id, word, rest):
    if word == "die":
        os._exit(int(rest[0]) if rest else 7)
    if word == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if word == "panic":
        print("INTERNAL PANIC: toy", file=sys.stderr, flush=True)
        reply(id, dead={"cause": "panic", "text": "INTERNAL PANIC: toy"})
        os._exit(1)
    if word == "abort" and not Path(rest[0]).exists():
        Path(rest[0]).touch()
        os._exit(134)
    if word == "garbage":
        send("this is no JSON\n")
    if word == "wrong_id":
        unanswered.appendleft((id, threading.Event()))
        reply(id + 100, result={"states": []})
    if word == "overflow":
        for _ in range(70):
            send("x" * 2**20)
    if word == "half":
        send('{"v":1,"id":')
        os._exit(9)
    if word == "hang":
        threading.Event().wait()


def draft(request, n):
    """Each `sorry` of the tactic becomes the goal n, if drafts are asked for."""
    if not request.get("drafts"):
        return reject("sorry is not a proof", "sorry")
    text, holes = request["tactic"], []
    place = text.find("sorry")
    while place >= 0:
        holes.append({"start": place, "stop": place + 5, "mode": "tactic"})
        place = text.find("sorry", place + 5)
    made = [{**new_state([n], [i]), "hole": hole} for i, hole in enumerate(holes)]
    return {"states": made}


def apply(id, request):
    numbers = states[request["state"]]
    word, *rest = request["tactic"].split() or [""]
    n, others = numbers[0], numbers[1:]
    wild(id, word, rest)
    if word == "slow":
        unanswered[0][1].wait()
        return reject("interrupted", "cancelled")
    if word == "late":
        unanswered[0][1].wait()
        return advance([n])
    if word == "dec" and n > 0:
        return advance([n - 1, *others])
    if word == "zero" and n == 0:
        return advance(others) if others else {"states": []}
    if word == "split":
        return advance(*([int(a)] for a in rest))
    if word == "pair":
        return advance([int(a) for a in rest])
    if word == "spawn":
        return advance(*([i] for i in range(int(rest[0]))))
    if word == "odd":
        mark = Path(rest[0])
        mark.write_text(mark.read_text() + "x" if mark.exists() else "x")
        return advance([len(mark.read_text())])
    if word == "plan":
        return draft(request, n)
    if word == "seek" and n > 0:
        return {**advance([n - 1, *others]), "tactic": "dec", "suggestion": "dec"}
    if word == "say":
        said = {"severity": "info", "text": rest[0], "line": 1, "column": 4, "start": 4}
        end = {"stop": len(request["tactic"]), "end_line": 1, "end_column": len(request["tactic"])}
        return {**advance([n, *others]), "messages": [{**said, **end}]}
    if word == "abort":
        return advance([n])
    if word == "big":
        return advance([int(rest[0]) * 10 ** int(rest[1])])
    if word == "note":
        print(*rest, file=sys.stderr, flush=True)
    if word == "hb":
        return reject(f"{request.get('heartbeats')}", "heartbeats")
    kind = "parse" if word == "?" else "elaboration"
    return reject(f"no tactic {request['tactic']!r} at {n}", kind)


def answer(id, request):
    op = request["op"]
    if op == "ping":
        return reply(id, result={})
    if op == "stats":
        counts = {"states": len(states), "files": len(files)}
        return reply(id, result={**counts, "environments": 1, "memory_mb": 1, "pid": os.getpid()})
    if op == "open":
        if "import Nowhere" in request["source"]:
            text = "unknown module prefix 'Nowhere'"
            return reply(id, error={"kind": "import_failed", "text": text})
        return reply(id, result=open_file(request), us=5, heartbeats=1)
    if op == "state":
        if request["file"] not in files:
            return reply(id, error={"kind": "unknown_file", "text": f"{request['file']}"})
        if not request["statement"].isdigit():
            return reply(id, error={"kind": "bad_request", "text": "not a number"})
        return reply(id, result={"state": new_state([int(request["statement"])], [0])})
    if op == "premises":
        above = files[request["file"]].partition(f"theorem {request.get('hole')}")[0].split("\n")
        rows = [[line.split()[1], "def", "", [0], []] for line in above if line.startswith("def")]
        return reply(id, result={"symbols": ["toy"], "rows": rows})
    if op == "symbols":
        return reply(id, result={"targets": states[request["state"]], "hypotheses": []})
    if op == "release":
        for state in request["states"]:
            states.pop(state, None)
        for file in request["files"]:
            files.pop(file, None)
        return reply(id, result={})
    if op == "apply":
        if request["state"] not in states:
            return reply(id, error={"kind": "unknown_state", "text": f"{request['state']}"})
        return reply(id, result=apply(id, request), us=10, heartbeats=2)
    return reply(id, error={"kind": "unknown_op", "text": op})


def main():
    if "--mute" in sys.argv:
        threading.Event().wait()
    if "--stillborn" in sys.argv:
        print("no olean found", file=sys.stderr)
        sys.exit(1)
    os.dup2(2, 1)
    threading.Thread(target=read_requests, daemon=True).start()
    send(json.dumps({"v": VERSION, "ready": {"lean": "0.0.0", "toolchain": "fake"}}) + "\n")
    while (request := requests.get()) is not None:
        answer(request["id"], request)


if __name__ == "__main__":
    main()
