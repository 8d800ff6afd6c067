"""One contract for every worker, the fake and the real ones; then what only a fake can do wrong."""

import asyncio
import functools
import gc
import os
import signal
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import pytest
from lakatos.data.errors import ProtocolError, ToolchainError, WorkerDied
from lakatos.data.records import TimedOut
from lakatos.lean_env.protocol import Failure, Result
from lakatos.lean_env.worker import LeanWorker
from lakatos.lean_env.worker_command import WorkerCommand

from .kept_workers import kept

FAKE = Path(__file__).parent / "fake_worker.py"
STANDIN = Path(__file__).parent / "native_standin"
LONG_S = 60.0


@dataclass(frozen=True)
class Dialect:
    """A worker and what to say to it."""

    command: WorkerCommand
    source: str
    target: str
    advance: str
    advanced: str
    split: str
    parts: tuple[str, ...]
    prove: str
    refused: str
    unparsable: str
    endless: str
    deadly: str
    cause: str
    statement: str
    posed: str
    draft: str
    holes: tuple[str, ...]
    searches: str
    found: str
    says: str


def fake_command(*arguments):
    argv = (sys.executable, str(FAKE), *arguments)
    return WorkerCommand(argv, dict(os.environ), None)


def fake_dialect():
    return Dialect(
        command=fake_command(),
        source="import Init\ntheorem t : 0 3\n",
        target="3",
        advance="dec",
        advanced="2",
        split="split 1 2",
        parts=("1", "2"),
        prove="split",
        refused="nonsense",
        unparsable="?",
        endless="slow",
        deadly="panic",
        cause="panic",
        statement="9",
        posed="9",
        draft="plan sorry sorry",
        holes=("3", "3"),
        searches="seek",
        found="dec",
        says="say so",
    )


def lean_dialect(command):
    bools = [*"abcdefghijklmn"]
    goes_through = (
        "intro " + " ".join(bools) + "; " + " <;> ".join(f"cases {name}" for name in bools)
    )
    return Dialect(
        command=command,
        source="theorem t (p q : Prop) (hp : p) (hq : q) : q ∧ p ∧ q := by\n"
        "  constructor\n  · sorry\n  · sorry\n",
        target="p ∧ q",
        advance="rw [and_comm]",
        advanced="q ∧ p",
        split="constructor",
        parts=("p", "q"),
        prove="exact ⟨hp, hq⟩",
        refused="exact hp",
        unparsable="exact ⟨hp, hq⟩ )",
        endless=f"have : ∀ {' '.join(bools)} : Bool, a = a := by {goes_through} <;> rfl",
        deadly="set_option maxRecDepth 100000000 in repeat skip",
        cause="stack_overflow",
        statement="∀ n : Nat, n = n",
        posed="∀ (n : Nat), n = n",
        draft="have h : p := sorry\nconstructor\n· exact h\n· sorry",
        holes=("p", "q"),
        searches="show_term exact ⟨hp, hq⟩",
        found="exact ⟨hp, hq⟩",
        says='trace "so"',
    )


def on_lean(name, fixture):
    return pytest.param(fixture, id=name, marks=pytest.mark.lean)


@pytest.fixture(
    params=["fake", on_lean("embedded", "own_toolchain"), on_lean("native", "native_toolchain")]
)
def own_dialect(request):
    """For what ends its worker, or measures it."""
    if request.param == "fake":
        return fake_dialect()
    return lean_dialect(request.getfixturevalue(request.param).worker_command(memory_mb=2048))


@pytest.fixture
def dialect(own_dialect, request):
    if own_dialect == fake_dialect():
        return own_dialect
    place = request.getfixturevalue("kept_workers").place
    return replace(own_dialect, command=kept(own_dialect.command, place))


def asynchronous(test):
    @functools.wraps(test)
    def run(*arguments, **keywords):
        asyncio.run(test(*arguments, **keywords))

    return run


@asynccontextmanager
async def started(command, grace_s=10.0):
    worker = await LeanWorker.start(command, grace_s=grace_s)
    try:
        yield worker
    finally:
        await worker.close()


async def last_hole(worker, dialect):
    """The id of the last hole's state."""
    opened = await worker.request("open", wall_s=LONG_S, name="t.lean", source=dialect.source)
    (state,) = opened.value["holes"][-1]["states"]
    return state["state"]


async def apply(worker, state, tactic, wall_s=LONG_S):
    fields = {"state": state, "tactic": tactic, "heartbeats": 10**9}
    return await worker.request("apply", wall_s=wall_s, **fields)


def targets(result):
    return tuple(goal["target"] for state in result.value["states"] for goal in state["goals"])


@asynchronous
async def test_it_says_what_it_is_and_answers_a_ping(own_dialect):
    async with started(own_dialect.command) as worker:
        assert worker.ready.lean.count(".") == 2
        answer = await worker.request("ping", wall_s=LONG_S)
        assert isinstance(answer, Result)
        assert answer.value == {}
        assert worker.rss_mb > worker.own_mb > 1


@asynchronous
async def test_opening_gives_the_holes_in_order(dialect):
    async with started(dialect.command) as worker:
        opened = await worker.request("open", wall_s=LONG_S, name="t", source=dialect.source)
        holes = opened.value["holes"]
        assert [hole["declaration"] for hole in holes] == ["t", "t"]
        assert holes[0]["start"] < holes[1]["start"]
        assert holes[1]["states"][0]["goals"][0]["target"] == dialect.target
        assert opened.value["imports"] == ["Init"]
        assert {"start", "stop", "kind", "declarations"} <= opened.value["commands"][0].keys()


@asynchronous
async def test_a_tactic_advances_proves_or_is_rejected(dialect):
    async with started(dialect.command) as worker:
        root = await last_hole(worker, dialect)
        advanced = await apply(worker, root, dialect.advance)
        assert targets(advanced) == (dialect.advanced,)
        assert advanced.value["states"][0]["positions"] == [0]
        assert advanced.us > 0
        proved = await apply(worker, root, dialect.prove)
        assert proved.value["states"] == []
        refused = await apply(worker, root, dialect.refused)
        assert refused.value["rejected"]["kind"] == "elaboration"
        unparsable = await apply(worker, root, dialect.unparsable)
        assert unparsable.value["rejected"]["kind"] == "parse"


@asynchronous
async def test_independent_goals_are_states_of_their_own(dialect):
    async with started(dialect.command) as worker:
        root = await last_hole(worker, dialect)
        split = await apply(worker, root, dialect.split)
        assert targets(split) == dialect.parts
        assert [state["positions"] for state in split.value["states"]] == [[0], [1]]


@asynchronous
async def test_the_holes_of_a_draft_are_states_where_drafts_are_asked_for(dialect):
    async with started(dialect.command) as worker:
        root = await last_hole(worker, dialect)
        fields = {"state": root, "tactic": dialect.draft, "heartbeats": 10**9}
        refused = await worker.request("apply", wall_s=LONG_S, **fields)
        assert refused.value["rejected"]["kind"] == "sorry"
        drafted = await worker.request("apply", wall_s=LONG_S, drafts=True, **fields)
        assert targets(drafted) == dialect.holes
        text = dialect.draft.encode()
        holes = [state["hole"] for state in drafted.value["states"]]
        assert [text[h["start"] : h["stop"]] for h in holes] == [b"sorry"] * len(holes)
        assert {h["mode"] for h in holes} <= {"tactic", "term"}


@asynchronous
async def test_a_tactic_that_searches_is_replaced_by_what_it_found(dialect):
    async with started(dialect.command) as worker:
        root = await last_hole(worker, dialect)
        found = await apply(worker, root, dialect.searches)
        assert found.value["tactic"] == found.value["suggestion"] == dialect.found
        again = await apply(worker, root, found.value["tactic"])
        assert targets(again) == targets(found)
        assert "tactic" not in again.value


@asynchronous
async def test_what_a_tactic_says_has_its_place_in_the_tactic(dialect):
    async with started(dialect.command) as worker:
        root = await last_hole(worker, dialect)
        (said,) = (await apply(worker, root, dialect.says)).value["messages"]
        assert (said["severity"], said["text"], said["line"]) == ("info", "so", 1)
        assert said["start"] < said["stop"] <= len(dialect.says.encode())
        assert (said["end_line"], said["end_column"]) == (1, said["stop"])


@asynchronous
async def test_an_old_state_can_be_used_again(dialect):
    async with started(dialect.command) as worker:
        root = await last_hole(worker, dialect)
        first = await apply(worker, root, dialect.advance)
        await apply(worker, root, dialect.split)
        again = await apply(worker, root, dialect.advance)
        assert targets(again) == (dialect.advanced,)
        assert again.value["states"][0]["key"] == first.value["states"][0]["key"]


@asynchronous
async def test_a_released_state_is_unknown(dialect):
    async with started(dialect.command) as worker:
        root = await last_hole(worker, dialect)
        await worker.request("release", wall_s=LONG_S, states=[root], files=[])
        answer = await apply(worker, root, dialect.advance)
        assert isinstance(answer, Failure)
        assert answer.kind == "unknown_state"


@asynchronous
async def test_a_bare_statement_becomes_a_state(dialect):
    async with started(dialect.command) as worker:
        opened = await worker.request("open", wall_s=LONG_S, name="t", source=dialect.source)
        fields = {"file": opened.value["file"], "statement": dialect.statement}
        posed = await worker.request("state", wall_s=LONG_S, **fields)
        assert posed.value["state"]["goals"][0]["target"] == dialect.posed


@asynchronous
async def test_an_unknown_operation_is_a_failure_and_the_worker_lives(dialect):
    async with started(dialect.command) as worker:
        answer = await worker.request("somersault", wall_s=LONG_S)
        assert isinstance(answer, Failure)
        assert answer.kind == "unknown_op"
        assert (await worker.request("ping", wall_s=LONG_S)).value == {}


@asynchronous
async def test_the_wall_limit_stops_a_tactic_and_spares_the_states(own_dialect):
    async with started(own_dialect.command) as worker:
        root = await last_hole(worker, own_dialect)
        answer = await apply(worker, root, own_dialect.endless, wall_s=0.2)
        assert answer == TimedOut(0.2)
        assert worker.fault is None
        assert targets(await apply(worker, root, own_dialect.advance)) == (own_dialect.advanced,)


@asynchronous
async def test_a_cancelled_caller_leaves_the_channel_in_step(own_dialect):
    async with started(own_dialect.command) as worker:
        root = await last_hole(worker, own_dialect)
        running = asyncio.create_task(apply(worker, root, own_dialect.endless))
        await asyncio.wait({running}, timeout=0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert targets(await apply(worker, root, own_dialect.advance)) == (own_dialect.advanced,)
        assert worker.fault is None


@asynchronous
async def test_requests_are_answered_in_order(dialect):
    async with started(dialect.command) as worker:
        root = await last_hole(worker, dialect)
        tactics = [dialect.advance, dialect.refused, dialect.prove]
        answers = await asyncio.gather(*(apply(worker, root, tactic) for tactic in tactics))
        assert [set(answer.value) for answer in answers] == [{"states"}, {"rejected"}, {"states"}]
        assert [answer.id for answer in answers] == sorted(answer.id for answer in answers)


@asynchronous
async def test_a_worker_killed_from_outside_says_so(own_dialect):
    async with started(own_dialect.command) as worker:
        root = await last_hole(worker, own_dialect)
        running = asyncio.create_task(apply(worker, root, own_dialect.endless))
        await asyncio.wait({running}, timeout=0)
        os.kill(worker.pid, signal.SIGKILL)
        with pytest.raises(WorkerDied) as caught:
            await running
        assert (caught.value.cause, caught.value.exit_status) == ("killed", -9)
        with pytest.raises(WorkerDied, match=f"Lean worker {worker.pid} "):
            await worker.request("ping", wall_s=LONG_S)
        assert worker.rss_mb == 0


@asynchronous
async def test_a_deadly_tactic_names_its_cause_and_the_next_worker_is_well(own_dialect):
    async with started(own_dialect.command) as worker:
        root = await last_hole(worker, own_dialect)
        with pytest.raises(WorkerDied) as caught:
            await apply(worker, root, own_dialect.deadly)
        assert caught.value.cause == own_dialect.cause
        assert caught.value.exit_status > 0
    async with started(own_dialect.command) as worker:
        root = await last_hole(worker, own_dialect)
        assert targets(await apply(worker, root, own_dialect.advance)) == (own_dialect.advanced,)


@asynchronous
async def test_closing_ends_the_process(own_dialect):
    async with started(own_dialect.command) as worker:
        pid = worker.pid
        assert psutil.pid_exists(pid)
    assert not psutil.pid_exists(pid)


async def death_by(tactic, grace_s=10.0):
    async with started(fake_command(), grace_s) as worker:
        root = await last_hole(worker, fake_dialect())
        with pytest.raises(WorkerDied) as caught:
            await apply(worker, root, tactic)
    return caught.value


@pytest.mark.parametrize(
    ("tactic", "cause", "exit_status"),
    [
        ("die 7", "exit", 7),
        ("die 137", "killed", 137),
        ("die 134", "panic", 134),
        ("die 139", "trap", 139),
        ("kill", "killed", -9),
        ("panic", "panic", 1),
        ("half", "exit", 9),
    ],
)
@asynchronous
async def test_a_death_carries_its_cause(tactic, cause, exit_status):
    death = await death_by(tactic)
    assert (death.cause, death.exit_status) == (cause, exit_status)


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ("Stack overflow detected. Aborting.", "stack_overflow"),
        ("FATAL ERROR: JavaScript heap out of memory", "out_of_memory"),
    ],
)
@asynchronous
async def test_last_words_on_stderr_tell_the_cause(said, cause):
    async with started(fake_command()) as worker:
        root = await last_hole(worker, fake_dialect())
        await apply(worker, root, f"note {said}")
        with pytest.raises(WorkerDied, match=f"stderr ends: {said}") as caught:
            await apply(worker, root, "die 134")
    assert caught.value.cause == cause
    assert caught.value.stderr_tail == (said,)


@asynchronous
async def test_much_stderr_is_drained_and_only_its_end_kept():
    async with started(fake_command()) as worker:
        root = await last_hole(worker, fake_dialect())
        for number in range(60):
            await apply(worker, root, f"note {number} {'x' * 5000}")
        with pytest.raises(WorkerDied) as caught:
            await apply(worker, root, "die 1")
    assert len(caught.value.stderr_tail) == 40
    assert caught.value.stderr_tail[-1].startswith("59 xxx")
    assert len(caught.value.stderr_tail[-1]) == 400


@asynchronous
async def test_what_a_program_prints_is_no_reply():
    async with started(fake_command()) as worker:
        opened = await worker.request("open", wall_s=LONG_S, name="t", source="noise\n")
        assert opened.value["messages"][0]["text"] == "noise"


@pytest.mark.parametrize(
    ("tactic", "text"), [("garbage", "not a worker's reply"), ("wrong_id", "answered request")]
)
@asynchronous
async def test_a_reply_that_is_not_ours_ends_the_worker(tactic, text):
    async with started(fake_command()) as worker:
        root = await last_hole(worker, fake_dialect())
        for _ in range(2):
            with pytest.raises(ProtocolError, match=text):
                await apply(worker, root, tactic)


@asynchronous
async def test_a_line_without_end_is_a_death_not_a_full_memory():
    death = await death_by("overflow")
    assert death.cause == "killed"
    assert "over 64 MiB" in str(death)


@asynchronous
async def test_a_long_line_is_read_whole():
    async with started(fake_command()) as worker:
        root = await last_hole(worker, fake_dialect())
        big = await apply(worker, root, "spawn 20000")
        assert len(big.value["states"]) == 20000


@asynchronous
async def test_a_tactic_that_does_not_stop_is_killed_after_the_grace():
    async with started(fake_command(), grace_s=0.1) as worker:
        root = await last_hole(worker, fake_dialect())
        assert await apply(worker, root, "hang", wall_s=0.1) == TimedOut(0.1)
        assert isinstance(worker.fault, WorkerDied)
        assert worker.fault.cause == "killed"


@asynchronous
async def test_an_abandoned_tactic_that_does_not_stop_is_killed_too():
    async with started(fake_command(), grace_s=0.1) as worker:
        root = await last_hole(worker, fake_dialect())
        running = asyncio.create_task(apply(worker, root, "hang"))
        await asyncio.wait({running}, timeout=0)
        running.cancel()
        with pytest.raises(WorkerDied, match=r"did not stop within 0\.1 s"):
            await apply(worker, root, "dec")


@asynchronous
async def test_a_late_result_is_kept_for_release():
    async with started(fake_command()) as worker:
        root = await last_hole(worker, fake_dialect())
        assert await apply(worker, root, "late", wall_s=0.05) == TimedOut(0.05)
        assert [targets(result) for result in worker.unclaimed] == [("3",)]


@asynchronous
async def test_a_request_abandoned_before_its_turn_is_cancelled_when_it_comes():
    async with started(fake_command()) as worker:
        root = await last_hole(worker, fake_dialect())
        first = asyncio.create_task(apply(worker, root, "slow", wall_s=0.05))
        second = asyncio.create_task(apply(worker, root, "slow"))
        await asyncio.wait({first, second}, timeout=0)
        second.cancel()
        assert await first == TimedOut(0.05)
        assert targets(await apply(worker, root, "dec")) == ("2",)


@asynchronous
async def test_a_hanging_worker_is_closed_with_its_group():
    async with started(fake_command(), grace_s=0.1) as worker:
        root = await last_hole(worker, fake_dialect())
        running = asyncio.create_task(apply(worker, root, "hang"))
        await asyncio.wait({running}, timeout=0)
        pid = worker.pid
    with pytest.raises(WorkerDied):
        await running
    assert not psutil.pid_exists(pid)


@asynchronous
async def test_a_program_that_is_not_there_is_a_toolchain_error(tmp_path):
    command = WorkerCommand((str(tmp_path / "lean"),), {}, None)
    with pytest.raises(ToolchainError, match=r"cannot start Lean .*No such file"):
        await LeanWorker.start(command)


@asynchronous
async def test_a_worker_that_dies_before_it_is_ready_shows_its_last_words():
    with pytest.raises(WorkerDied, match="no olean found") as caught:
        await LeanWorker.start(fake_command("--stillborn"))
    assert caught.value.exit_status == 1


def test_a_start_that_is_given_up_leaves_no_warning_behind(caplog):
    async def give_up():
        starting = asyncio.create_task(LeanWorker.start(fake_command("--mute")))
        await asyncio.wait({starting}, timeout=0.3)
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting

    asyncio.run(give_up())
    gc.collect()
    assert caplog.text == ""


@asynchronous
async def test_a_worker_that_is_never_ready_is_given_up():
    with pytest.raises(ToolchainError, match=r"not ready within 0\.2 s"):
        await LeanWorker.start(fake_command("--mute"), start_wall_s=0.2)


@pytest.mark.lean
@asynchronous
async def test_a_cancelled_open_leaves_nothing_to_go_on_from(own_toolchain):
    slow = "theorem s : ∀ x < 100, ∀ y < 60, x + y < 160:= by set_option maxRecDepth 9999 in decide"
    source = f"theorem t : True := by sorry\n{slow}\ntheorem u : 1 = 1 := by sorry\n"
    worker = await LeanWorker.start(own_toolchain.worker_command(memory_mb=2048))
    cancelled = await worker.request("open", wall_s=0.2, name="a.lean", source=source)
    assert isinstance(cancelled, TimedOut)
    again = await worker.request("open", wall_s=60.0, name="a.lean", source=source)
    await worker.close()
    assert [hole["declaration"] for hole in again.value["holes"]] == ["t", "u"]


@pytest.mark.parametrize("again", [0, 1, 3, 6, 9])
@pytest.mark.parametrize("steps", range(8))
def test_a_start_given_up_at_any_moment_and_once_more_leaves_nothing(steps, again):
    async def go():
        start = asyncio.create_task(LeanWorker.start(fake_command(), start_wall_s=LONG_S))
        for wait in (steps, again):
            for _ in range(wait):
                await asyncio.sleep(0)
            start.cancel()
        with pytest.raises(asyncio.CancelledError):
            await start

    before = set(psutil.Process().children())
    asyncio.run(go())
    gc.collect()  # a pipe left open would be told of here
    assert set(psutil.Process().children()) <= before
