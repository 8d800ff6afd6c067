"""The pool on a fake worker: deaths, limits, rebuilding, fairness, release."""

import asyncio
import functools
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import psutil
import pytest
from lakatos.data.errors import (
    EnvironmentFault,
    ProtocolError,
    ToolchainError,
    UsageError,
    WorkerDied,
)
from lakatos.data.records import Advanced, ProofState, Rejected, Rejection, TimedOut
from lakatos.lean_env.pool import LeanPool, Limits, Room
from lakatos.lean_env.protocol import Result
from lakatos.lean_env.slot_queue import SlotQueue
from lakatos.lean_env.worker_command import WorkerCommand

FAKE = Path(__file__).parent / "fake_worker.py"
SOURCE = "import Init\ndef two\ntheorem a : 3 40\nexample : 5\n"
PATIENT = Limits(wall_s=60.0, grace_s=60.0)
HASTY = Limits(wall_s=0.1, grace_s=0.1)


class FakeToolchain:
    name = "fake"
    lean = "0.0.0"

    def __init__(self, *arguments):
        self.arguments = arguments
        self.memory_mb = []

    def worker_command(self, *, memory_mb):
        self.memory_mb.append(memory_mb)
        argv = (sys.executable, str(FAKE), *self.arguments)
        return WorkerCommand(argv, dict(os.environ), None)


def asynchronous(test):
    @functools.wraps(test)
    def run(*arguments, **keywords):
        asyncio.run(test(*arguments, **keywords))

    return run


def new_pool(workers=1, limits=PATIENT, **options):
    return LeanPool(FakeToolchain(), workers=workers, limits=limits, **options)


async def root_of(pool, source=SOURCE, number=0):
    return (await pool.open("a.toy", source)).theorems[number].state


async def outcome(pool, state, tactic):
    (step,) = await pool.apply(state, [tactic])
    return step.outcome


async def next_states(pool, state, tactic):
    reached = await outcome(pool, state, tactic)
    assert isinstance(reached, Advanced)
    return reached.states


async def counts(pool):
    return (await pool.request("stats", wall_s=60.0)).value


async def kill_worker(pool):
    pid = (await counts(pool))["pid"]
    os.kill(pid, signal.SIGKILL)
    return pid


async def begun(*coroutines):
    """Tasks that have taken their first step: they hold a worker, or wait for one."""
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    await asyncio.wait(tasks, timeout=0)
    return tasks


def keys(states):
    return [state.key for state in states]


@asynchronous
async def test_a_file_becomes_named_theorems_in_their_context():
    source = "import Init\ndef d\ntheorem a : 1 2\nexample : 3\ntheorem a#2 : 4\nexample : 5 6\n"
    async with new_pool() as pool:
        opened = await pool.open("f.toy", source + "noise\n")
    names = ["a", "a#2", "example@4", "a#2~2", "example@6", "example@6~2"]
    assert [theorem.name for theorem in opened.theorems] == names
    assert opened.imports == ("Init",)
    assert [message.text for message in opened.messages] == ["noise"]
    second, third = opened.theorems[1:3]
    assert second.source[second.start : second.stop] == "2"
    assert (second.line, second.declaration, second.mode) == (3, "a", "tactic")
    assert [declaration.name for declaration in second.context] == ["d"]
    assert [declaration.name for declaration in third.context] == ["d", "a"]
    assert third.declaration is None
    assert third.imports == ("Init",)
    assert third.source[third.command_start :].startswith("example : 3")


@asynchronous
async def test_tactics_are_tried_in_order_at_one_state():
    async with new_pool() as pool:
        root = await root_of(pool)
        steps = await pool.apply(root, ["dec", "?", "nonsense", "split 1 2", "split", "pair 1 2"])
    assert [step.tactic for step in steps][:3] == ["dec", "?", "nonsense"]
    kinds = [type(step.outcome).__name__ for step in steps]
    assert kinds == ["Advanced", "Rejected", "Rejected", "Advanced", "Advanced", "Advanced"]
    assert steps[1].outcome.kind is Rejection.PARSE
    assert steps[2].outcome == Rejected("no tactic 'nonsense' at 3")
    assert keys(steps[3].outcome.states) == ["1", "2"]
    assert steps[4].outcome == Advanced(())
    (pair,) = steps[5].outcome.states
    assert [goal.target for goal in pair.goals] == ["1", "2"]
    assert pair.origin.positions == (0, 1)
    assert all(step.prior == 1.0 and step.elapsed_ms > 0 for step in steps)
    assert pool.lean_us == 60


@asynchronous
async def test_a_state_knows_its_recipe():
    async with new_pool() as pool:
        root = await root_of(pool)
        _, second = await next_states(pool, root, "split 1 2")
        (third,) = await next_states(pool, second, "dec")
    assert [(step.tactic, step.index) for step in third.recipe] == [("split 1 2", 1), ("dec", 0)]
    assert third.root == root.root
    assert third.recipe[0].parent is root


@asynchronous
async def test_the_limits_go_to_lean_and_to_the_toolchain():
    toolchain = FakeToolchain()
    async with LeanPool(toolchain, workers=1, limits=Limits(heartbeats=77, memory_mb=99)) as pool:
        refused = await outcome(pool, await root_of(pool), "hb")
    assert refused == Rejected("77", Rejection.HEARTBEATS)
    assert set(toolchain.memory_mb) == {99}


@asynchronous
async def test_a_killed_worker_is_not_noticed():
    async with new_pool() as pool:
        root = await root_of(pool)
        _, second = await next_states(pool, root, "split 1 2")
        (third,) = await next_states(pool, second, "dec")
        killed = await kill_worker(pool)
        assert keys(await next_states(pool, third, "dec")) == ["0"]
        assert pool.restarts == 1
        assert (await counts(pool))["pid"] != killed


@asynchronous
async def test_what_was_rebuilt_on_the_way_is_live_again():
    async with new_pool() as pool:
        _, second = await next_states(pool, await root_of(pool), "split 1 2")
        (third,) = await next_states(pool, second, "dec")
        await kill_worker(pool)
        await outcome(pool, third, "nonsense")
        before = pool.lean_us
        await outcome(pool, second, "nonsense")
        assert pool.lean_us - before == 10


@asynchronous
async def test_a_worker_killed_in_the_middle_of_a_tactic_is_not_noticed(tmp_path):
    async with new_pool() as pool:
        root = await root_of(pool)
        steps = await pool.apply(root, ["dec", f"abort {tmp_path / 'mark'}", "dec"])
        assert [type(step.outcome) for step in steps] == [Advanced, Advanced, Advanced]
        assert pool.restarts == 1


@asynchronous
async def test_a_tactic_that_ends_two_workers_is_rejected_with_the_cause():
    async with new_pool() as pool:
        root = await root_of(pool)
        steps = await pool.apply(root, ["die 7", "panic", "dec"])
        assert [type(step.outcome) for step in steps] == [Rejected, Rejected, Advanced]
        assert {steps[0].outcome.kind, steps[1].outcome.kind} == {Rejection.CRASH}
        assert "exit status 7" in steps[0].outcome.message
        assert "(panic, exit status 1): INTERNAL PANIC: toy" in steps[1].outcome.message
        assert pool.restarts == 4


@asynchronous
async def test_a_kill_for_time_is_not_held_against_the_next_tactic(tmp_path):
    limits = Limits(wall_s=0.2, grace_s=0.1)
    async with new_pool(limits=limits) as pool:
        root = await root_of(pool)
        steps = await pool.apply(root, ["hang", f"abort {tmp_path / 'mark'}", "dec"])
        assert [type(step.outcome) for step in steps] == [TimedOut, Advanced, Advanced]
        assert pool.restarts == 2


@asynchronous
async def test_a_reply_too_long_is_a_crash_of_its_tactic():
    async with new_pool() as pool:
        refused = await outcome(pool, await root_of(pool), "overflow")
    assert refused.kind is Rejection.CRASH
    assert "over 64 MiB" in refused.message


@asynchronous
async def test_a_file_that_ends_two_workers_is_an_error():
    async with new_pool() as pool:
        with pytest.raises(WorkerDied, match="exit status 3"):
            await pool.open("f.toy", "crash\n")
        assert pool.restarts == 1
        assert keys([await root_of(pool)]) == ["3"]


@asynchronous
async def test_a_reply_that_is_not_ours_is_raised_and_the_pool_goes_on():
    async with new_pool() as pool:
        root = await root_of(pool)
        with pytest.raises(ProtocolError):
            await pool.apply(root, ["garbage"])
        assert keys(await next_states(pool, root, "dec")) == ["2"]


@asynchronous
async def test_a_file_lean_cannot_open_is_told_with_leans_words():
    async with new_pool() as pool:
        with pytest.raises(
            UsageError, match=r"cannot open f\.toy: missing import: unknown module prefix"
        ):
            await pool.open("f.toy", "import Nowhere\n")


@asynchronous
async def test_a_file_that_takes_too_long_is_told_with_the_limit():
    async with new_pool(limits=Limits(open_wall_s=0.1)) as pool:
        with pytest.raises(UsageError, match=r"f\.toy: Lean took more than 0\.1 s"):
            await pool.open("f.toy", "stall\n")


def test_a_longer_file_may_take_longer_to_open():
    limits = Limits(open_wall_s=300)
    assert limits.opening_s("x" * 9_000) == 300
    assert limits.opening_s("∀" * 10_000) == 900


class Place:
    """A slot of which only its files are asked."""

    is_running = True

    def __init__(self, *files):
        self.handles = self
        self.files = set(files)

    def has_file(self, digest):
        return digest in self.files


@asynchronous
async def test_a_file_that_is_slow_to_open_is_waited_for_where_it_is_open():
    has, other = Place("f"), Place("g")
    queue: Any = SlotQueue(cast(Any, [has, other]))
    queue.slow["f"] = 600.0
    assert await queue.take("f:0:0", None) is has
    (waiting,) = await begun(queue.take("f:1:0", None))
    assert await queue.take("g:0:0", None) is other, "others do not wait"
    queue.give_back(other)
    assert not waiting.done()
    queue.give_back(has)
    assert await waiting is has
    (waiting,) = await begun(queue.take("f:2:0", None))
    has.files.clear()  # its worker died
    assert await queue.take("g:0:0", None) is other
    queue.give_back(other)
    assert await waiting is other, "then any worker opens it"
    assert queue.take_without("h") == []
    queue.give_back(other)
    assert queue.take_without("g") == []
    assert queue.take_without("h") == [other]


@asynchronous
async def test_a_file_is_waited_for_no_longer_than_it_takes_to_open():
    has, other = Place("f"), Place("g")
    queue: Any = SlotQueue(cast(Any, [has, other]))
    queue.slow["f"] = 0.001
    assert await queue.take("f:0:0", None) is has, "what runs there never ends"
    assert await queue.take("f:1:0", None) is other
    (waiting,) = await begun(queue.take("f:2:0", None))
    queue.give_back(other)
    assert await waiting is other
    queue.give_back(has)
    assert queue.free == [has]


@asynchronous
async def test_a_request_about_a_file_goes_where_it_is_open():
    async with new_pool() as pool:
        opened = await pool.open("f.toy", "theorem a : 1\n")
        theorem = opened.theorems[0]
        answer = await pool.request_at(theorem, "ping", wall_s=60.0)
        assert answer.value == {}
        stranger = replace(theorem, source="theorem b : 1\n")
        with pytest.raises(UsageError, match="not opened"):
            await pool.request_at(stranger, "ping", wall_s=60.0)


@asynchronous
async def test_a_rebuilding_that_goes_another_way_is_rejected(tmp_path):
    async with new_pool() as pool:
        root = await root_of(pool)
        (odd,) = await next_states(pool, root, f"odd {tmp_path / 'mark'}")
        await kill_worker(pool)
        steps = await pool.apply(odd, ["dec"])
        assert steps[0].outcome.kind is Rejection.CRASH
        assert steps[0].outcome.message.startswith("could not rebuild the state: `odd ")
        assert keys(await next_states(pool, root, "dec")) == ["2"]


@asynchronous
async def test_a_tactic_over_the_wall_limit_spares_the_worker():
    async with new_pool(limits=Limits(wall_s=0.1, grace_s=60.0)) as pool:
        root = await root_of(pool)
        assert await outcome(pool, root, "slow") == TimedOut(0.1)
        assert isinstance(await outcome(pool, root, "dec"), Advanced)
        assert pool.restarts == 0


@asynchronous
async def test_a_tactic_that_does_not_stop_costs_the_worker_only():
    async with new_pool(limits=HASTY) as pool:
        root = await root_of(pool)
        (child,) = await next_states(pool, root, "dec")
        assert await outcome(pool, child, "hang") == TimedOut(0.1)
        assert pool.restarts == 0
        steps = await LeanPool.apply(pool, child, ["nonsense"])
        assert isinstance(steps[0].outcome, Rejected | TimedOut)
        assert pool.restarts == 1


@asynchronous
async def test_a_state_is_rebuilt_in_a_worker_that_never_saw_it():
    async with new_pool(workers=2) as pool:
        _, second = await next_states(pool, await root_of(pool), "split 1 2")
        (third,) = await next_states(pool, second, "dec")
        (running,) = await begun(pool.apply(third, ["slow"]))
        assert keys(await next_states(pool, third, "dec")) == ["0"]
        assert pool.busy == 1
        running.cancel()
        await asyncio.wait({running})
        assert (pool.workers, pool.busy, pool.restarts) == (2, 0, 0)


@asynchronous
async def test_the_worker_that_holds_the_state_is_preferred():
    async with new_pool(workers=2) as pool:
        root = await root_of(pool)
        (running,) = await begun(pool.apply(root, ["slow"]))
        (child,) = await next_states(pool, root, "dec")
        running.cancel()
        await asyncio.wait({running})
        before = pool.lean_us
        for _ in range(3):
            await outcome(pool, child, "nonsense")
            await pool.request("ping", wall_s=60.0)
        assert pool.lean_us - before == 30


@asynchronous
async def test_only_the_last_used_states_stay_live():
    async with new_pool(max_states=4) as pool:
        root = await root_of(pool)
        states = await next_states(pool, root, "spawn 200")
        await pool.apply(root, ["nonsense"])
        assert (await counts(pool))["states"] == 4 + 3
        before = pool.lean_us
        assert keys(await next_states(pool, states[5], "dec")) == ["4"]
        assert pool.lean_us - before == 20
        assert pool.restarts == 0


@asynchronous
async def test_reached_again_a_state_is_held_once():
    async with new_pool() as pool:
        root = await root_of(pool)
        for _ in range(200):
            await pool.apply(root, ["dec"])
        assert (await counts(pool))["states"] < 3 + 1 + 64 + 1


@asynchronous
async def test_forgetting_a_theorem_releases_its_states_everywhere():
    async with new_pool(workers=2) as pool:
        opened = await pool.open("a.toy", SOURCE)
        first, other = opened.theorems[0], opened.theorems[1]
        (kept,) = await next_states(pool, other.state, "dec")
        (running,) = await begun(pool.apply(first.state, ["slow"]))
        states = await next_states(pool, first.state, "spawn 20")
        running.cancel()
        await asyncio.wait({running})
        await next_states(pool, states[3], "spawn 30")
        await pool.forget(first)
        answers = [pool.request("stats", wall_s=60.0) for _ in range(2)]
        held = [answer.value["states"] for answer in await asyncio.gather(*answers)]
        assert sorted(held) == [2, 3]
        assert keys(await next_states(pool, kept, "dec")) == ["38"]
        assert keys(await next_states(pool, states[4], "dec")) == ["3"]


@asynchronous
async def test_of_a_closed_file_nothing_is_kept():
    async with new_pool() as pool:
        kept = await root_of(pool)
        opened = await pool.open("b.toy", SOURCE + "example : 6\n")
        draft = await pool.open("b.toy", SOURCE + "example : 7\n")
        pool.close_file(opened)
        for gone in (opened, draft):
            with pytest.raises(UsageError, match="has not opened"):
                await pool.apply(gone.theorems[0].state, ["dec"])
        assert len(await next_states(pool, kept, "dec")) == 1
        await pool.forget((await pool.open("a.toy", SOURCE)).theorems[0])
        assert (await counts(pool))["files"] == 1


@asynchronous
async def test_a_cancelled_caller_gives_the_worker_back():
    async with new_pool() as pool:
        root = await root_of(pool)
        (running,) = await begun(pool.apply(root, ["slow"]))
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert pool.busy == 0
        assert keys(await next_states(pool, root, "dec")) == ["2"]
        assert pool.restarts == 0


@asynchronous
async def test_who_waits_longer_is_served_first():
    async with new_pool() as pool:
        root = await root_of(pool)
        order = []

        async def ask(number):
            await pool.apply(root, ["dec"] * (6 - number))
            order.append(number)

        async with asyncio.TaskGroup() as group:
            for number in range(6):
                group.create_task(ask(number))
        assert order == [0, 1, 2, 3, 4, 5]


@asynchronous
async def test_who_gives_up_waiting_takes_no_worker_along():
    async with new_pool() as pool:
        root = await root_of(pool)
        (running,) = await begun(pool.apply(root, ["slow"]))
        waiting = await begun(*(pool.apply(root, ["dec"]) for _ in range(3)))
        waiting[0].cancel()
        running.cancel()
        await asyncio.wait({running})
        waiting[1].cancel()
        (step,) = await waiting[2]
        assert keys(step.outcome.states) == ["2"]
        assert pool.busy == 0


@asynchronous
async def test_a_worker_that_grew_too_big_is_replaced():
    memory_mb = [100.0]
    limits = Limits(wall_s=60.0, memory_mb=1000)
    async with new_pool(limits=limits, memory_of=lambda worker: memory_mb[0]) as pool:
        (child,) = await next_states(pool, await root_of(pool), "dec")
        memory_mb[0] = 801.0
        await pool.apply(child, ["nonsense"] * 64)
        memory_mb[0] = 100.0
        assert keys(await next_states(pool, child, "dec")) == ["1"]
        assert pool.restarts == 1
        await pool.apply(child, ["nonsense"] * 200)
        assert pool.restarts == 1


@asynchronous
async def test_a_worker_that_imported_many_things_is_replaced():
    async with new_pool() as pool:
        for number in range(9):
            await pool.open("a.toy", f"import M{number}\n")
        assert pool.restarts == 0
        await pool.open("a.toy", "import M1\n")
        assert pool.restarts == 1
        for number in range(9):
            source = f"import M{number}\n"
            await pool.request("open", wall_s=60.0, name="a.toy", source=source)
        await pool.open("a.toy", "import M1\n")
        assert pool.restarts == 2, "whatever was asked"


@asynchronous
async def test_late_states_of_a_tactic_nobody_waits_for_are_released():
    async with new_pool(limits=Limits(wall_s=0.05, grace_s=60.0)) as pool:
        root = await root_of(pool)
        for _ in range(3):
            assert isinstance(await outcome(pool, root, "late"), TimedOut)
        await pool.apply(root, ["nonsense"] * 128)
        await pool.forget((await pool.open("b.toy", "theorem b : 1\n")).theorems[0])
        assert (await counts(pool))["states"] == 3


@asynchronous
async def test_a_statement_is_stated_after_the_file_and_rebuilt_anywhere():
    async with new_pool() as pool:
        opened = await pool.open("a.toy", SOURCE)
        state = await pool.statement(opened, "12")
        assert keys([state]) == ["12"]
        (child,) = await next_states(pool, state, "dec")
        await kill_worker(pool)
        assert keys(await next_states(pool, child, "dec")) == ["10"]
        with pytest.raises(UsageError, match="not a number"):
            await pool.statement(opened, "1 = 2")


@asynchronous
async def test_a_state_of_no_opened_file_is_refused():
    async with new_pool() as pool:
        for root in ("", "abc:0.0", "abc=1"):
            with pytest.raises(UsageError):
                await pool.apply(ProofState("3", root=root), ["dec"])


@asynchronous
async def test_any_request_goes_to_a_free_worker():
    async with new_pool() as pool:
        answer = await pool.request("ping", wall_s=60.0)
        assert isinstance(answer, Result)
        assert answer.value == {}


@asynchronous
async def test_a_toolchain_that_cannot_start_is_told_and_nobody_hangs():
    async with LeanPool(FakeToolchain("--stillborn"), workers=1) as pool:
        for _ in range(2):
            with pytest.raises(WorkerDied, match="no olean found"):
                await pool.request("ping", wall_s=60.0)


@asynchronous
async def test_a_missing_program_is_a_toolchain_error():
    class Missing(FakeToolchain):
        def worker_command(self, *, memory_mb):
            return WorkerCommand(("/nonexistent/lean",), {}, None)

    async with LeanPool(Missing(), workers=1) as pool:
        with pytest.raises(ToolchainError):
            await pool.open("a.toy", SOURCE)


@asynchronous
async def test_closing_leaves_no_process_even_when_tactics_run():
    async with new_pool(workers=2, limits=Limits(wall_s=60.0, grace_s=0.2)) as pool:
        root = await root_of(pool)
        pids = [held["pid"] for held in await asyncio.gather(counts(pool), counts(pool))]
        tasks = await begun(*(pool.apply(root, [tactic]) for tactic in ("slow", "hang", "dec")))
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert len(set(pids)) == 2
    assert all(isinstance(result, UsageError | list) for result in results)
    assert not any(psutil.pid_exists(pid) for pid in pids)
    with pytest.raises(UsageError, match="pool is closed"):
        await pool.apply(root, ["dec"])


@pytest.mark.lean
@asynchronous
async def test_with_real_lean_a_killed_worker_is_not_noticed(own_toolchain):
    source = """def f (n : Nat) : Nat := n + 1
theorem t (p q : Prop) : p ∧ q → q ∧ (p ∧ f 1 = 2) := by sorry
"""
    async with LeanPool(own_toolchain, workers=1) as pool:
        root = await root_of(pool, source)
        (state,) = await next_states(pool, root, "intro h")
        _, right = await next_states(pool, state, "refine ⟨h.2, ?_⟩; constructor")
        for process in psutil.Process().children():
            process.kill()
        steps = await pool.apply(right, ["exact h.1", "unfold f; rfl", "trivial trivial"])
        assert [type(step.outcome) for step in steps] == [Rejected, Advanced, Rejected]
        assert steps[1].outcome == Advanced(())
        assert steps[2].outcome.kind is Rejection.PARSE
        assert pool.restarts == 1


@pytest.mark.parametrize(
    ("need_mb", "free_mb", "cores", "workers"),
    [(600, 24_000, 2, 2), (4500, 10_000, 16, 2), (4500, 4600, 4, 1), (600, 1e6, 1, 1)],
)
def test_there_are_as_many_workers_as_cores_and_memory_allow(need_mb, free_mb, cores, workers):
    room = Room(need_mb, free_mb, cores)
    assert room.workers == workers
    told = f"workers: {workers} (cores: {cores}); each needs about {need_mb} MB"
    assert room.text.startswith(told) == (workers < cores)


def test_too_little_memory_is_one_line():
    room = Room(4500, 3000.0, 8)
    with pytest.raises(EnvironmentFault, match=r"needs about 4500 MB here, and 3000 MB are free"):
        LeanPool(FakeToolchain(), room=room)
    assert LeanPool(FakeToolchain(), room=room, workers=1).workers == 1
