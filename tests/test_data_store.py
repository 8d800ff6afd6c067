"""The store: what is told comes back, equal and in order; failures are one clear line."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from lakatos.data.errors import StoreError, UsageError
from lakatos.data.records import (
    Accepted,
    Advanced,
    Attempt,
    Expansion,
    Goal,
    Hypothesis,
    Origin,
    ProofState,
    Refusal,
    RefusalKind,
    Refused,
    Rejected,
    Rejection,
    Step,
    StopReason,
    Theorem,
    TimedOut,
)
from lakatos.data.store import database, migrations
from lakatos.data.store.store import Store, default_url, to_url
from lakatos.data.turns import Turn
from sqlalchemy import Connection, inspect

SOURCE = "theorem t (p q : Prop) (h : p ∧ q) : q ∧ p := sorry\n"
CONTEXT = (Hypothesis("p q", "Prop"), Hypothesis("h", "p ∧ q"), Hypothesis("n", "ℕ", "2"))


def make_theorem(source: str = SOURCE, start: int = 50) -> Theorem:
    root = ProofState("root", (Goal("q ∧ p", CONTEXT, "inl"),), size=9, root="f#0")
    return Theorem("t", source, "t.lean", start, start + 5, 1, 46, "term", root, "t")


def child(parent: ProofState, tactic: str, key: str, index: int = 0, name: str = "h") -> ProofState:
    goal = Goal(f"goal {key}", (Hypothesis(name, "p ∧ q"),))
    return ProofState(key, (goal,), Origin(parent, tactic, index, (index, index + 2)), 7, "f#0")


def make_expansions(theorem: Theorem) -> list[Expansion]:
    """Every kind of outcome, a transposition under another name, a state expanded again."""
    root = theorem.state
    left, right = child(root, "constructor", "q", 0), child(root, "constructor", "p", 1)
    other = child(root, "cases h", "q", 0, "h✝")
    kinds = [Step("bad", 0.125, Rejected(f"why\nnot {k}", k), 0.5) for k in Rejection]
    first = Step("constructor", 0.1, Advanced((left, right)), 1.25)
    again = Step("cases h", 1 / 3, Advanced((other,)), 2.5)
    done = Expansion(left, (Step("exact h.2", 0.9, Advanced(()), 0.75),), 0.5)
    late = Expansion(root, (Step("omega", 1.0, TimedOut(5.0), 5001.5),), 0.25)
    begun = Expansion(root, (first, *kinds, again), 0.7, 1234)
    return [begun, done, late, Expansion(other, (), 0.0)]


def told(expansions: tuple[Expansion, ...] | list[Expansion]) -> list[object]:
    """All that must come back, also the fields that equality of states leaves out."""
    states = []
    for expansion in expansions:
        for step in expansion.steps:
            if isinstance(step.outcome, Advanced):
                states += [expansion.state, *step.outcome.states]
    seen = [(s.key, s.goals, s.size, s.root, [(o.tactic, o.index, o.positions, o.parent.key)
            for o in s.recipe]) for s in states]  # fmt: skip
    return [seen, list(expansions), [s.elapsed_ms for e in expansions for s in e.steps]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


def begin(store: Store) -> int:
    return store.start_run("prove", {"time": 60}, "embedded 4.28.0", 7)


def test_conversations_come_back_in_order_with_feedback_marked(path: Path) -> None:
    theorem = make_theorem()
    asked = Turn(0, "user", "Prove it."), Turn(1, "user", "Prove it.")
    wrong = Turn(0, "assistant", "rfl", is_right=False, tokens=3)
    told_so = Turn(0, "user", "Lean says: no", is_feedback=True)
    right = Turn(1, "assistant", "simp", is_right=True, tokens=2)
    with Store.open(str(path)) as store:
        recorder = store.recorder(begin(store))
        recorder.start_attempt(theorem)
        recorder.turns(theorem, asked)
        recorder.turns(theorem, [right, wrong])
        recorder.turns(theorem, [told_so])
        recorder.finish_attempt(Attempt(theorem, StopReason.DEAD_END))
        number = store.attempts()[0].id
        assert store.turns(number) == [asked[0], wrong, told_so, asked[1], right]
        assert store.turns(number + 1) == []


def test_a_proof_whose_file_was_not_checked_is_kept_without_a_verdict(path: Path) -> None:
    theorem = make_theorem()
    found = Attempt(theorem, StopReason.PROVED, "by\n  simp", Accepted(), 4, 13, 1.5)
    with Store.open(str(path)) as store, Store.open(str(path)) as other:
        recorder = store.recorder(begin(store))
        recorder.start_attempt(theorem)
        recorder.expansions(theorem, make_expansions(theorem))
        recorder.proof_found(found)
        (summary,) = other.attempts()  # as after a kill
        loaded = other.load_attempt(summary.id)
        assert other.proved(theorem) is None
        assert (loaded.attempt.stop, loaded.verdict) == (StopReason.INTERRUPTED, None)
        assert (loaded.proof, len(loaded.expansions)) == ("by\n  simp", 4)
        recorder.finish_attempt(found)
        assert other.load_attempt(summary.id).attempt == found


def test_store_gives_back_what_it_was_told(path: Path) -> None:
    theorem = make_theorem()
    expansions = make_expansions(theorem)
    verdict = Accepted(("propext", "Quot.sound"))
    attempt = Attempt(theorem, StopReason.PROVED, "by\n  simp", verdict, 4, 13, 1.5, "fine")
    with Store.open(str(path)) as store:
        run = begin(store)
        recorder = store.recorder(run)
        recorder.start_attempt(theorem)
        recorder.expansions(theorem, expansions[:1])
        recorder.expansions(theorem, expansions[1:])
        recorder.finish_attempt(attempt)
        store.finish_run(run)
    with Store.open(str(path)) as store:
        (summary,) = store.attempts()
        loaded = store.load_attempt(summary.id)
    assert loaded.attempt == attempt
    assert loaded.theorem.state.goals == theorem.state.goals
    assert told(loaded.expansions) == told(expansions)
    assert (loaded.toolchain, loaded.config, loaded.seed) == ("embedded 4.28.0", {"time": 60}, 7)
    assert summary.outcome == "proved"
    assert summary.is_accepted
    assert not summary.is_interrupted


def test_a_loaded_expansion_starts_from_the_state_first_reached(path: Path) -> None:
    theorem = make_theorem()
    with Store.open(str(path)) as store:
        recorder = store.recorder(begin(store))
        recorder.expansions(theorem, make_expansions(theorem))
        store.flush()
        loaded = store.load_attempt(1).expansions
    first = loaded[0].steps[0].outcome
    assert isinstance(first, Advanced)
    assert loaded[1].state is first.states[0]
    assert loaded[3].state.goals[0].hypotheses[0].name == "h✝"
    assert loaded[3].state.recipe[0].tactic == "cases h"


@pytest.mark.parametrize(
    "verdict",
    [None, Accepted(), Refused((Refusal(RefusalKind.SORRY, "x"), Refusal(RefusalKind.AXIOM, "y")))],
)
def test_every_verdict_comes_back(path: Path, verdict: Accepted | Refused | None) -> None:
    attempt = Attempt(make_theorem(), StopReason.REFUSED, "p", verdict)
    with Store.open(str(path)) as store:
        store.recorder(begin(store)).finish_attempt(attempt)
        assert store.load_attempt(1).attempt == attempt


@pytest.mark.parametrize("text", ["", "\0odd", "é✝" * 500, "\ud800", "x" * 5000])
def test_any_text_comes_back(path: Path, text: str) -> None:
    theorem = make_theorem()
    step = Step(text, 1.0, Rejected(text))
    with Store.open(str(path)) as store:
        store.recorder(begin(store)).expansions(theorem, [Expansion(theorem.state, (step,), 0.0)])
        store.flush()
        assert store.load_attempt(1).expansions[0].steps == (step,)


def test_the_same_theorem_is_one_row_and_its_file_is_kept_once(path: Path) -> None:
    long = SOURCE * 200
    with Store.open(str(path)) as store:
        for run in (begin(store), begin(store)):
            recorder = store.recorder(run)
            for start in (50, 100):
                recorder.finish_attempt(Attempt(make_theorem(long, start), StopReason.DEAD_END))
        assert len(store.attempts(run_id=2)) == 2
        assert [a.id for a in store.attempts(limit=3)] == [4, 3, 2]
    assert count(path, "theorems") == 2
    assert count(path, "texts") == 2  # the file and the root's goals


def test_states_are_one_row_per_key_and_names(path: Path) -> None:
    theorem = make_theorem()
    with Store.open(str(path)) as store:
        recorder = store.recorder(begin(store))
        for _ in range(3):
            recorder.expansions(theorem, make_expansions(theorem))
    assert count(path, "states") == 4  # root, q, p, q under another name
    assert count(path, "expansions") == 12


def test_only_an_accepted_proof_counts_as_proved(path: Path) -> None:
    theorem, refused = make_theorem(), Refused((Refusal(RefusalKind.SORRY, "no"),))
    with Store.open(str(path)) as store:
        recorder = store.recorder(begin(store))
        recorder.finish_attempt(Attempt(theorem, StopReason.REFUSED, "a", refused))
        recorder.finish_attempt(Attempt(theorem, StopReason.DISPROVED, "d", Accepted()))
        assert store.proved(theorem) is None
        recorder.finish_attempt(Attempt(theorem, StopReason.PROVED, "b", Accepted(("propext",))))
        recorder.finish_attempt(Attempt(theorem, StopReason.DEAD_END))
        found = store.proved(theorem)
        assert found is not None
        assert (found.proof, found.axioms, found.attempt_id) == ("b", ("propext",), 3)
        assert store.proved(make_theorem(SOURCE + "\n")) is None
        assert store.proved(make_theorem(start=1)) is None


def test_rows_are_flushed_by_the_clock_and_by_number(path: Path) -> None:
    theorem, time_s = make_theorem(), [0.0]
    (expansion,) = make_expansions(theorem)[:1]
    with Store.open(str(path), clock=lambda: time_s[0]) as store:
        recorder = store.recorder(begin(store))
        recorder.expansions(theorem, [expansion])
        assert count(path, "steps") == 0
        time_s[0] = 0.6
        recorder.expansions(theorem, [expansion])
        store.wait()
        assert count(path, "steps") == 2 * len(expansion.steps)
        recorder.expansions(theorem, [expansion] * 500)
        store.wait()
        assert count(path, "steps") == 502 * len(expansion.steps)


def test_several_theorems_at_once_stay_apart(path: Path) -> None:
    theorems = [make_theorem(start=n) for n in range(3)]
    with Store.open(str(path)) as store:
        recorder = store.recorder(begin(store))
        for expansion in range(4):
            for theorem in theorems:
                recorder.expansions(theorem, make_expansions(theorem)[expansion : expansion + 1])
        store.flush()
        for n, theorem in enumerate(theorems):
            loaded = store.load_attempt(n + 1)
            assert loaded.theorem.start == n
            assert told(loaded.expansions) == told(make_expansions(theorem))


def test_times_come_back_aware(path: Path) -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)
    with Store.open(str(path), now=lambda: moment) as store:
        store.recorder(begin(store)).finish_attempt(Attempt(make_theorem(), StopReason.DEAD_END))
        (summary,) = store.attempts()
    assert summary.started_at == moment
    assert summary.ended_at is not None
    assert summary.ended_at.utcoffset() == timedelta(0)


def test_a_step_costs_less_than_a_kilobyte(path: Path) -> None:
    theorem = make_theorem()
    hypotheses = tuple(Hypothesis(f"h{n}", f"x{n} + y{n} ≤ z * {n}") for n in range(20))
    steps, state = 0, theorem.state
    with Store.open(str(path)) as store:
        recorder = store.recorder(begin(store))
        for n in range(400):
            goal = Goal(f"∃ k, k + {n} = {n * n}", hypotheses)
            after = ProofState(f"{n:032x}", (goal,), Origin(state, f"rw [h{n}]", 0), 90, "f#0")
            wrong = [
                Step(f"tactic {k}", 0.1, Rejected(f"failed on\n{goal.pretty}"), 1.0)
                for k in range(9)
            ]
            done = Step(f"rw [h{n}]", 0.5, Advanced((after,)), 1.0)
            recorder.expansions(theorem, [Expansion(state, (done, *wrong), 0.5)])
            steps, state = steps + 10, after
    assert path.stat().st_size / steps < 400


CHILD = """
import sys
from test_data_store import begin, make_expansions, make_theorem
from lakatos.data.records import Accepted, Attempt, StopReason
from lakatos.data.store.store import Store

store = Store.open(sys.argv[1], clock=lambda: 0.0)  # batches by number of rows alone
recorder = store.recorder(begin(store))
done, theorem = make_theorem(start=1), make_theorem()
recorder.finish_attempt(Attempt(done, StopReason.PROVED, "by simp", Accepted()))
told = 0
while True:
    recorder.expansions(theorem, make_expansions(theorem))
    told += 1
    if told == 400:
        store.wait()
        print("go", flush=True)
"""


@pytest.mark.slow
def test_kill_9_loses_at_most_the_last_batch(path: Path) -> None:
    here = str(Path(__file__).parent)
    argv = [sys.executable, "-c", f"import sys; sys.path.insert(0, {here!r})\n{CHILD}", str(path)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"go\n"
        child.send_signal(signal.SIGKILL)
    with Store.open(str(path)) as store:
        running, proved = store.attempts()
        assert proved.outcome == "proved"
        assert store.proved(make_theorem(start=1)) is not None
        assert running.is_interrupted
        assert running.outcome == "interrupted"
        loaded = store.load_attempt(running.id)
    whole = make_expansions(make_theorem())
    assert len(loaded.expansions) >= 1_000  # 1600 told, 4000 steps a batch: 307 of 4 expansions
    assert len(loaded.expansions) == running.expansions
    assert told(loaded.expansions[:4]) == told(whole)
    assert sum(len(e.steps) for e in loaded.expansions) == running.steps


@pytest.mark.slow
def test_two_processes_write_one_new_database(path: Path) -> None:
    here = str(Path(__file__).parent)
    finite = CHILD.replace("while True:", "while told < 300:") + "\nstore.close()"
    argv = [sys.executable, "-c", f"import sys; sys.path.insert(0, {here!r})\n{finite}", str(path)]
    children = [subprocess.Popen(argv) for _ in range(2)]
    assert [process.wait() for process in children] == [0, 0]
    with Store.open(str(path)) as store:
        attempts = store.attempts()
        assert sorted(a.expansions for a in attempts if a.is_interrupted) == [1200, 1200]
        assert sum(a.is_accepted for a in attempts) == 2
    assert count(path, "theorems") == 2


def count(path: Path, table: str) -> int:
    with sqlite3.connect(path) as connection:
        (number,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    connection.close()
    return int(number)


def broken_not_a_database(path: Path) -> None:
    path.write_text("just some notes, not a database at all\n" * 50)


def broken_pages(path: Path) -> None:
    fill(path)
    data = bytearray(path.read_bytes())
    data[4096:] = b"\x5a" * (len(data) - 4096)
    path.write_bytes(data)


def broken_newer(path: Path) -> None:
    fill(path)
    execute(path, "INSERT INTO schema_versions VALUES (99, 'future', '2030-01-01')")


def broken_foreign(path: Path) -> None:
    execute(path, "CREATE TABLE bookmarks (url TEXT)")


def broken_directory(path: Path) -> None:
    path.mkdir()


def broken_text(path: Path) -> None:
    fill(path)
    execute(path, "UPDATE texts SET body = x'0001'")


def broken_word(path: Path) -> None:
    fill(path)
    execute(path, "UPDATE steps SET outcome = 'nonsense'")


def broken_table(path: Path) -> None:
    fill(path)
    execute(path, "DROP TABLE children")


def fill(path: Path) -> None:
    with Store.open(str(path)) as store:
        recorder = store.recorder(begin(store))
        recorder.expansions(make_theorem(), make_expansions(make_theorem()))


def execute(path: Path, sql: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(sql)
    connection.close()


@pytest.mark.parametrize(
    ("breaking", "says"),
    [
        (broken_not_a_database, "is not an SQLite database"),
        (broken_pages, "damaged"),
        (broken_newer, "schema 99 is newer than this program's 6"),
        (broken_foreign, "another program"),
        (broken_directory, "cannot be opened"),
        (broken_text, "damaged"),
        (broken_word, "damaged"),
        (broken_table, "damaged"),
    ],
)
def test_a_bad_database_is_one_clear_line(
    path: Path, breaking: Callable[[Path], None], says: str
) -> None:
    breaking(path)
    with pytest.raises(StoreError) as caught, Store.open(str(path)) as store:
        store.load_attempt(store.attempts()[0].id)
    text = str(caught.value)
    assert says in text
    assert str(path) in text
    assert "\n" not in text


def test_foreign_tables_are_left_alone(path: Path) -> None:
    broken_foreign(path)
    with pytest.raises(StoreError):
        Store.open(str(path))
    assert count(path, "sqlite_master") == 1


def test_a_missing_directory_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"no/such/x\.db cannot be opened"):
        Store.open(str(tmp_path / "no" / "such" / "x.db"))


def test_a_read_only_database_can_be_read(path: Path) -> None:
    fill(path)
    with Store.open(f"sqlite:///file:{path}?mode=ro&uri=true") as store:
        assert len(store.attempts()) == 1
        with pytest.raises(StoreError, match="cannot be written"):
            begin(store)


def test_after_a_full_disk_the_buffer_is_kept(path: Path) -> None:
    theorem = make_theorem()
    step = Step("x", 1.0, Rejected("".join(map(str, range(20_000)))))
    store = Store.open(str(path))
    recorder = store.recorder(begin(store))
    recorder.start_attempt(theorem)
    recorder.expansions(theorem, [Expansion(theorem.state, (step,), 0.0)])
    store.wait()
    with store.database.reading() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
    with pytest.raises(StoreError, match="the disk is full"):
        store.flush()
    with store.database.reading() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count=1000000")
    store.flush()
    assert store.load_attempt(1).expansions[0].steps == (step,)
    store.close()


def test_no_such_attempt(path: Path) -> None:
    with Store.open(str(path)) as store, pytest.raises(UsageError, match="no attempt number 5"):
        store.load_attempt(5)


def test_addresses(tmp_path: Path) -> None:
    assert to_url("a b?c.db").database == "a b?c.db"
    assert to_url("postgresql://me:secret@host/db").get_backend_name() == "postgresql"
    for text in ("nonsense://x", "postgresql://[", "sqlite://host:x/y"):
        with pytest.raises((UsageError, StoreError)) as caught:
            Store.open(text)
        assert "\n" not in str(caught.value)
    odd = tmp_path / "50% of it?.db"
    Store.open(str(odd)).close()
    assert odd.exists()


def test_the_default_database_gets_its_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    with Store.open(read_only=True) as store:  # as `lakatos show` on a new machine
        assert store.attempts() == []
    assert not (tmp_path / "data").exists()
    with Store.open() as store:
        assert Path(store.name).parent.is_dir()
    assert Path(str(default_url().database)).exists()


def open_database(path: Path) -> database.Database:
    return database.Database(to_url(str(path)))


def test_migrations_apply_once_in_order_and_alone(path: Path) -> None:
    fill(path)
    moment, calls = datetime(2026, 1, 1, tzinfo=UTC), []

    def add(connection: Connection) -> None:
        calls.append("add")
        connection.exec_driver_sql("ALTER TABLE runs ADD COLUMN host TEXT")

    def fail(connection: Connection) -> None:
        connection.exec_driver_sql("ALTER TABLE runs ADD COLUMN half TEXT")
        connection.exec_driver_sql("SELECT * FROM nowhere")

    two = migrations.Migration(8, "add host", add)
    three = migrations.Migration(9, "fail", fail)
    opened = open_database(path)
    with pytest.raises(StoreError), opened.named():
        migrations.migrate(opened.engine, moment, [*migrations.MIGRATIONS, two, three])
    with opened.reading() as connection:
        versions = connection.exec_driver_sql("SELECT version, name FROM schema_versions").all()
        columns = [row[1] for row in connection.exec_driver_sql("PRAGMA table_info(runs)")]
    assert versions == [*((m.version, m.name) for m in migrations.MIGRATIONS), (8, "add host")]
    assert "host" in columns
    assert "half" not in columns
    good = replace(three, name="nothing", apply=lambda connection: None)
    migrations.migrate(opened.engine, moment, [*migrations.MIGRATIONS, two, good])
    assert calls == ["add"]
    assert count(path, "schema_versions") == len(migrations.MIGRATIONS) + 2
    opened.close()


def test_a_store_of_the_first_schema_goes_on(path: Path) -> None:
    theorem = make_theorem()
    with Store.open(str(path)) as store:
        store.recorder(begin(store)).expansions(theorem, make_expansions(theorem))
    opened = open_database(path)
    with opened.writing() as connection:
        for later in ("tries", "problems", "evaluations", "turns", "visits", "model_usage"):
            connection.exec_driver_sql(f"DROP TABLE {later}")
        connection.exec_driver_sql("ALTER TABLE expansions DROP COLUMN tokens")
        connection.exec_driver_sql("DELETE FROM schema_versions WHERE version > 1")
    opened.close()
    with Store.open(str(path)) as store:
        loaded = store.load_attempt(1).expansions
        assert [e.tokens for e in loaded] == [0, 0, 0, 0]
        store.recorder(begin(store)).expansions(theorem, make_expansions(theorem))
        store.flush()
        assert [e.tokens for e in store.load_attempt(2).expansions] == [1234, 0, 0, 0]
    new = path.with_name("new.db")
    Store.open(str(new)).close()
    assert shape(path) == shape(new)


def shape(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Of each table its columns, by name: type, may it be null, is it of the key."""
    opened = open_database(path)
    with opened.reading() as connection:
        names = inspect(connection).get_table_names()
        facts = {n: connection.exec_driver_sql(f"PRAGMA table_info({n})").all() for n in names}
    opened.close()
    return {name: sorted((r[1], r[2], r[3], r[5]) for r in rows) for name, rows in facts.items()}


def test_what_was_rejected_is_found_again(path: Path) -> None:
    """By key and goals, at the same hole of the same file, by the same worker."""
    theorem = make_theorem()
    root = theorem.state
    renamed = replace(root, goals=(replace(root.goals[0], hypotheses=()),))
    step, other = Step("bad", 0.5, Rejected("newer")), Step("omega", 0.5, TimedOut(1.0))
    with Store.open(str(path)) as store:
        for steps in (make_expansions(theorem)[0].steps, (step, other)):
            run = store.start_run("prove", {"worker": "w"}, "embedded", 0)
            store.recorder(run).expansions(theorem, [Expansion(root, steps, 0.5)])
            store.flush()
        assert store.rejected(theorem, "w")(root) == {"bad": Rejected("newer")}
        assert store.rejected(theorem, "w")(renamed) == {}
        assert store.rejected(theorem, "v")(root) == {}
        assert store.rejected(replace(theorem, start=3), "w")(root) == {}
        assert store.rejected(replace(theorem, source=SOURCE + " "), "w")(root) == {}


def test_a_new_database_knows_every_migration(path: Path) -> None:
    never = migrations.Migration(9, "never run on a new database", lambda connection: 1 / 0)
    opened = open_database(path)
    migrations.migrate(opened.engine, datetime.now(UTC), [*migrations.MIGRATIONS, never])
    opened.close()
    assert count(path, "schema_versions") == len(migrations.MIGRATIONS) + 1


def test_sqlite_runs_safely(path: Path) -> None:
    fill(path)
    opened = open_database(path)
    with opened.reading() as connection:
        pragmas = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "foreign_keys", "busy_timeout")
        ]
    assert pragmas == ["wal", 1, 10_000]
    with pytest.raises(StoreError), opened.writing() as connection:
        connection.exec_driver_sql("DELETE FROM theorems")
    opened.close()


def test_the_schema_compiles_for_postgresql() -> None:
    from lakatos.data.store.schema import Base
    from sqlalchemy.dialects import postgresql
    from sqlalchemy.schema import CreateTable

    made = [
        str(CreateTable(t).compile(dialect=postgresql.dialect()))
        for t in Base.metadata.sorted_tables
    ]
    assert len(made) == 16
    assert not any("ROWID" in sql for sql in made)
