"""`lakatos serve --mcp` on real Lean, asked by the official client and by plain lines."""

import json
import signal
import subprocess
import sys
from contextlib import asynccontextmanager

import anyio
import httpx
import pytest
from lakatos.tests.exam_doors import exam_faults, read_cases
from lakatos.tests.mcp_door import (
    LAKATOS,
    door,
    environ,
    have_ended,
    processes_of,
    stdio_door,
)
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client

SWAP = "theorem swap (p q : Prop) (h : p ∧ q) : q ∧ p := by sorry\n"
BROKEN = SWAP.replace("sorry", "\n  constructor\n  · exact h.1\n  · exact h.1")
BOOLS = "abcdefghijklmno"
ENDLESS = f"have : ∀ {' '.join(BOOLS)} : Bool, a = a := by " + (
    f"intro {' '.join(BOOLS)}; " + " <;> ".join(f"cases {b}" for b in BOOLS) + " <;> rfl"
)
TOOLS = {
    "check", "holes", "try_tactics", "prove", "repair", "refute", "verify", "verify_proof",
    "search", "list_attempts", "show_attempt",
}  # fmt: skip
SOME_CASES = {
    "allowed_axiom_with_invisible_letter", "goal_left_open", "native_decide", "new_axiom",
    "parenthesis_closes_early", "rests_on_other_hole", "sorry_in_quotation_marks",
    "statement_weakened", "universe_order", "honest_classical", "honest_file_other_layout",
}  # fmt: skip
KEY = "a key"

pytestmark = pytest.mark.lean


@pytest.fixture(scope="module")
def folder(tmp_path_factory, own_toolchain):
    return tmp_path_factory.mktemp("mcp")


@pytest.fixture(scope="module")
def stdio(folder):
    with stdio_door(folder, "--workers", "1") as opened:
        yield opened


@pytest.fixture(scope="module")
def url(folder):
    """A server over HTTP with a key."""
    words = [LAKATOS, "serve", "--http", "--mcp", "--port", "0", "--workers", "1"]
    settings = {**environ(folder), "LAKATOS_SERVER_KEY": KEY}
    with subprocess.Popen(words, env=settings, cwd=folder, stdout=subprocess.PIPE, text=True) as it:
        line = it.stdout.readline()
        yield line.rpartition(" ")[2].strip()
        children = processes_of(it.pid)
        it.terminate()
    assert have_ended(children)


@asynccontextmanager
async def connected(url):
    """A connection to the server; the package leaves a client that it is given open."""
    headers = {"Authorization": f"Bearer {KEY}"}
    async with (
        create_mcp_http_client(headers=headers) as client,
        streamable_http_client(url, http_client=client) as streams,
    ):
        yield streams


@pytest.fixture(scope="module")
def over_http(url):
    with door(connected(url)) as opened:
        yield opened


@pytest.fixture(params=["stdio", "over_http"])
def lean(request):
    """A client of each of them."""
    return request.getfixturevalue(request.param)


def root(lean, text=SWAP):
    return lean.call("holes", text=text)["holes"][0]["states"][0]["state"]


def test_every_tool_says_what_it_takes_and_gives(stdio):
    found = stdio.portal.call(stdio.client.list_tools).tools
    assert {tool.name for tool in found} == TOOLS
    for tool in found:
        assert tool.description.strip()
        assert tool.output_schema["properties"]
        assert bool(tool.annotations.read_only_hint) == ("attempt" in tool.name)
    assert len(json.dumps([tool.model_dump(mode="json") for tool in found])) < 30_000


def test_a_file_is_checked_and_proved_by_hand(lean, folder):
    (folder / "Swap.lean").write_text(SWAP + "#check nosuch\n", encoding="utf-8")
    checked = lean.call("check", path=str(folder / "Swap.lean"))
    assert not checked["ok"]
    assert [(m["severity"], m["line"]) for m in checked["messages"]] == [
        ("error", 2),
        ("warning", 1),
    ]
    assert checked["holes"] == [{"theorem": "swap", "line": 1, "column": 52}]
    (hole,) = lean.call("holes", text=SWAP)["holes"]
    assert hole["states"][0]["goals"] == ["p q : Prop\nh : p ∧ q\n⊢ q ∧ p"]
    state = hole["states"][0]["state"]
    tried = lean.call("try_tactics", state=state, tactics=["constructor", "exact h"])["results"]
    assert [each["ok"] for each in tried] == [True, False]
    assert "Type mismatch" in tried[1]["error"]
    left, right = (each["state"] for each in tried[0]["states"])
    first = lean.call("try_tactics", state=right, tactics=["exact h.1"])["results"][0]
    assert (first["closes"], first["proof"]) == (True, None)
    last = lean.call("try_tactics", state=left, tactics=["exact h.2"])["results"][0]
    assert last["proof"] == "constructor\n· exact h.2\n· exact h.1"
    verdict = lean.call("verify_proof", state=state, proof=last["proof"])
    assert verdict["accepted"]


def test_drafts_leave_states_and_searching_tactics_tell_what_they_found(stdio):
    drafts = ["have hp : p := sorry\nexact ⟨h.2, hp⟩"]
    found = stdio.call("try_tactics", state=root(stdio), tactics=drafts, allow_sorry=True)
    (state,) = found["results"][0]["states"]
    (filled,) = stdio.call("try_tactics", state=state["state"], tactics=["simp? [h]"])["results"]
    assert filled["tactic"].startswith("simp only")
    assert stdio.call("verify_proof", state=root(stdio), proof=filled["proof"])["accepted"]


def test_prove_tells_its_progress_and_is_recorded(lean):
    (found,) = lean.call("prove", text=SWAP, time_s=30)["theorems"]
    assert found["proved"]
    assert lean.progress
    assert "theorems" in lean.progress[0][2]
    proved = SWAP.replace("sorry", found["proof"])
    assert lean.call("verify", original_text=SWAP, text=proved)["accepted"]
    listed = lean.call("list_attempts", theorem="swap", limit=5)["attempts"]
    assert found["attempt"] in [each["attempt"] for each in listed]
    shown = lean.call("show_attempt", attempt=found["attempt"])
    assert shown["proof"] == found["proof"]
    assert shown["facts"]["theorem"] == "swap"
    assert shown["tried"][0].startswith("✓")


def test_refute_and_repair(stdio):
    (found,) = stdio.call("refute", text="theorem t : ∀ n : Nat, n < 5 := by sorry")["theorems"]
    assert (found["disproved"], found["proved"]) == (True, False)
    assert found["detail"].startswith("false: n = ")
    answer = stdio.call("repair", text=BROKEN)
    assert [(each["theorem"], each["repaired"]) for each in answer["repairs"]] == [("swap", True)]
    assert stdio.call("verify", original_text=SWAP, text=answer["text"])["accepted"]
    assert stdio.call("repair", text=SWAP)["repairs"] == []


def test_declarations_are_found_by_name_by_type_by_words_and_for_a_goal(stdio):
    def names(**words):
        return [each["name"] for each in stdio.call("search", **words)["found"]]

    assert names(query="Nat.add_comm", by="name", k=3)[0] == "Nat.add_comm"
    assert "Nat.add_comm" in names(query="nat add comm", k=20)
    assert "Nat.add_comm" in names(query="∀ n m : Nat, n + m = m + n", by="type")
    text = "theorem mine (a b : Nat) : a + b = b + a := Nat.add_comm a b\n" + SWAP
    state = root(stdio, text)
    assert any(name.startswith("And") for name in names(state=state, k=5))
    assert names(query="mine", by="name", state=state)[0] == "mine"


def test_attacks_are_refused(stdio):
    some = [case for name, case in read_cases().items() if name in SOME_CASES]
    assert len(some) == len(SOME_CASES)
    assert {case.proof is None for case in some if not case.is_honest} == {True, False}
    assert exam_faults(some, stdio.judge) == []


def test_what_is_not_proved_is_no_proof(stdio):
    (found,) = stdio.call("prove", text="theorem t (n : Nat) : n < 50 := by sorry", time_s=2)[
        "theorems"
    ]
    assert (found["proved"], found["proof"]) == (False, None)


@pytest.mark.parametrize(
    ("tool", "arguments", "why"),
    [
        ("try_tactics", {"state": "s1", "tactics": ["rfl"]}, "no state 's1': ask for the holes"),
        ("try_tactics", {"state": "s1", "tactics": []}, "tactics: List should have at least 1"),
        ("try_tactics", {"tactics": ["rfl"]}, "state: Field required"),
        ("check", {}, "give either `path` or `text`"),
        ("check", {"path": "a.lean", "text": ""}, "give either `path` or `text`"),
        ("check", {"path": "nosuch.lean"}, "nosuch.lean: no such file"),
        ("check", {"path": "log.txt"}, "log.txt: only .lean files are read"),
        ("check", {"path": "Link.lean"}, "Link.lean: only .lean files are read"),
        ("check", {"text": "\0"}, "has a NUL byte"),
        ("holes", {"text": "import Nosuch\n"}, "Nosuch"),
        ("prove", {"text": SWAP, "theorems": ["swop"]}, "did you mean swap?"),
        ("prove", {"text": "#check Nat"}, "it has no sorry"),
        ("prove", {"text": SWAP, "time_s": -1}, "time_s: Input should be greater than 0"),
        ("repair", {"text": BROKEN, "theorems": ["swop"]}, "did you mean swap?"),
        ("verify", {"original_text": "#check Nat", "text": ""}, "no theorem to prove"),
        ("search", {}, "give a query, or a state"),
        ("search", {"query": "nosuch x", "by": "type"}, "nosuch"),
        ("show_attempt", {"attempt": 10**6}, "no attempt number 1000000"),
        ("nosuch", {}, "no tool 'nosuch': check, holes"),
    ],
)
def test_a_wrong_call_is_told_in_one_line(stdio, folder, tool, arguments, why):
    link = folder / "Link.lean"
    if not link.is_symlink():
        link.symlink_to(folder / "log.txt")
    before = (folder / "log.txt").read_text(encoding="utf-8").count("\n")
    error = stdio.error(tool, **arguments)
    assert why in error
    assert "\n" not in error
    logged = (folder / "log.txt").read_text(encoding="utf-8").splitlines()[before:]
    assert logged == [f"{tool}: {error}"]


async def begun():
    """Long enough after a call for Lean to be at work; nothing depends on it."""
    with anyio.move_on_after(0.5):
        await anyio.sleep_forever()


def test_what_is_cancelled_frees_its_worker(lean):
    state = root(lean)
    lean.cancelled("try_tactics", begun, state=state, tactics=[ENDLESS], timeout_s=300)
    assert lean.call("try_tactics", state=state, tactics=["constructor"])["results"][0]["ok"]
    hard = "theorem t (x y z : Nat) (h : x^3 + y^3 = z^3) : x * y * z = 0 := by sorry"
    lean.cancelled("prove", begun, text=hard, time_s=60)
    assert lean.call("check", text=SWAP)["ok"]


def test_a_key_is_wanted_over_http(url):
    for headers in ({}, {"Authorization": "Bearer no"}):
        answer = httpx.post(url, json={}, headers=headers)
        assert (answer.status_code, list(answer.json())) == (401, ["detail"])
    headers = {"Authorization": f"Bearer {KEY}"}
    assert httpx.post(url, content="{", headers=headers).status_code == 400
    headers |= {"Accept": "application/json, text/event-stream", "Mcp-Session-Id": "closed"}
    answer = httpx.post(url, json=message("tools/list", 1), headers=headers)
    assert (answer.status_code, answer.json()["error"]["message"]) == (404, "Session not found")
    large = httpx.post(url, json=message("tools/list", 1, text="-" * 2_000_000), headers=headers)
    assert large.status_code == 413
    page = url.removesuffix("/mcp")
    assert httpx.get(page + "/health").json() == {"status": "ok"}
    counts = httpx.get(page + "/metrics").text
    assert 'lakatos_requests_total{path="/mcp",status="401"} 2.0' in counts


def message(method, number=None, **params):
    name = {} if number is None else {"id": number}
    return {"jsonrpc": "2.0", **name, "method": method, "params": params}


class Lines:
    """A server that is asked by lines; in `with`."""

    def __init__(self, folder):
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            [LAKATOS, "serve", "--mcp", "--workers", "1"], cwd=folder, env=environ(folder),
            stdin=pipe, stdout=pipe, stderr=pipe, text=True, encoding="utf-8", bufsize=1,
        )  # fmt: skip
        info = {"name": "lines", "version": "1"}
        start = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": info}
        assert (
            self.ask(message("initialize", 1, **start))["result"]["serverInfo"]["name"] == "lakatos"
        )
        self.tell(message("notifications/initialized"))

    def __enter__(self):
        return self

    def __exit__(self, *error):
        with self.process:
            self.process.kill()

    def tell(self, sent):
        self.process.stdin.write((sent if isinstance(sent, str) else json.dumps(sent)) + "\n")

    def ask(self, sent):
        self.tell(sent)
        return json.loads(self.process.stdout.readline())


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL, None])
def test_it_ends_with_all_that_it_started(folder, how):
    with Lines(folder) as lines:
        for broken, code in (("no JSON", -32700), ("{}", -32600), ("[1]", -32600)):
            assert lines.ask(broken)["error"]["code"] == code
        half = lines.ask('{"jsonrpc": "2.0", "id": 7, "method": "x", "params": {"a": "\\ud800"}}')
        assert (half["id"], half["error"]["code"]) == (7, -32700)
        assert lines.ask(message("nosuch", 8))["error"]["code"] == -32601
        text = '#eval IO.println "{}"\n' + SWAP
        answer = lines.ask(message("tools/call", 9, name="holes", arguments={"text": text}))
        (hole,) = answer["result"]["structuredContent"]["holes"]
        state = hole["states"][0]["state"]
        hung = {"state": state, "tactics": [ENDLESS], "timeout_s": 300}
        lines.tell(message("tools/call", 10, name="try_tactics", arguments=hung))
        children = processes_of(lines.process.pid)
        assert children
        if how:
            lines.process.send_signal(how)
        else:
            lines.process.stdin.close()
        code = lines.process.wait(60)
        assert code == (-signal.SIGKILL if how is signal.SIGKILL else 0)
        assert have_ended(children)
        rest = [json.loads(line) for line in lines.process.stdout]
        assert all(each["id"] == 10 and "error" in each for each in rest)
        assert len(lines.process.stderr.read().splitlines()) == 4


def test_a_client_that_reads_no_more_is_gone(folder):
    with Lines(folder) as lines:
        children = processes_of(lines.process.pid)
        lines.tell(message("tools/call", 2, name="holes", arguments={"text": SWAP}))
        lines.process.stdout.close()
        lines.process.stdin.close()
        assert lines.process.wait(60) == 0
        assert have_ended(children)
        assert lines.process.stderr.read().splitlines() in (["the client is gone"], [])


def test_without_the_package_the_extra_is_named(folder):
    code = "import sys; sys.modules['mcp'] = None; from lakatos.cli import main; sys.exit(main())"
    ran = subprocess.run(
        [sys.executable, "-c", code, "serve", "--mcp"], cwd=folder, env=environ(folder),
        capture_output=True, text=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert ran.returncode == 2
    assert ran.stderr.splitlines() == ["lakatos: serve needs mcp: pip install 'lakatos[serve]'"]
