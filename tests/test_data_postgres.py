"""The store in PostgreSQL: a real server, when one is installed, holds what SQLite holds."""

import os
import pwd
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from lakatos.cli import main
from lakatos.data.errors import StoreError
from lakatos.data.report import evaluation as evaluation_report
from lakatos.data.report import evaluation_page
from lakatos.data.store.store import Store
from sqlalchemy import create_engine, text

from .made_up_runs import keep, result
from .test_data_store import make_expansions, make_theorem, told
from .toy_problems import Session, counted, problem

pytest.importorskip("psycopg", reason="psycopg is not installed (pip install 'lakatos[postgres]')")
pytestmark = pytest.mark.slow


DEBIAN = Path("/usr/lib/postgresql")


def program(name):
    found = shutil.which(name) or next(DEBIAN.glob(f"*/bin/{name}"), None)
    if found is None:
        pytest.skip(f"no PostgreSQL server here ({name})")
    return found


@pytest.fixture(scope="module")
def server():
    """A server of our own, reached by a socket in its folder; PostgreSQL refuses to run as root."""
    user = {}
    if os.geteuid() == 0:
        try:
            pwd.getpwnam("postgres")
        except KeyError:
            pytest.skip("root cannot run PostgreSQL, and there is no user postgres")
        user = {"user": "postgres"}
    with tempfile.TemporaryDirectory(prefix="lakatos-pg-") as place:
        folder = Path(place)
        if user:
            shutil.chown(folder, "postgres")
        data = folder / "data"
        quiet = {"check": True, "capture_output": True, "cwd": folder, **user}
        initdb = [program("initdb"), "-D", data, "-U", "lakatos", "-A", "trust", "-E", "UTF8"]
        subprocess.run([*initdb, "--no-sync"], **quiet)
        options = f"-k {folder} -c listen_addresses='' -c fsync=off"
        control = [program("pg_ctl"), "-D", data, "-w"]
        subprocess.run([*control, "-l", folder / "log", "-o", options, "start"], **quiet)
        yield f"postgresql+psycopg://lakatos@/%s?host={folder}"
        subprocess.run([*control, "-m", "immediate", "stop"], **quiet)


@pytest.fixture
def url(server, request):
    """An empty database."""
    engine = create_engine(server % "postgres", isolation_level="AUTOCOMMIT")
    name = f"t{abs(hash(request.node.name))}"
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return server % name


def test_it_gives_back_what_it_was_told(url):
    theorem = make_theorem("-- \u2115 é\n" + make_theorem().source, 58)
    expansions = make_expansions(theorem)
    with Store.open(url) as store:
        recorder = store.recorder(store.start_run("prove", {"time": 60}, "embedded 4.28.0", 7))
        recorder.expansions(theorem, expansions)
        store.flush()
    with Store.open(url) as store:
        loaded = store.load_attempt(1)
    assert told(loaded.expansions) == told(expansions)
    assert loaded.config == {"time": 60}
    assert loaded.summary.is_interrupted


def test_evaluations_are_those_of_sqlite(url, tmp_path):
    results = [result(f"p{i}", w) for i, w in enumerate(["+-", "--", "n", "u", "rr"])]
    loaded, pages = [], []
    for address in (url, str(tmp_path / "l.db")):
        with Store.open(address) as store:
            run = store.load_evaluation(keep(store, results, k=2))
            begun = replace(run, started_at=store.load_evaluation(1).started_at)
            loaded.append(evaluation_report.report(begun)[1:])
            pages.append(dict(evaluation_page.packed_graphs(run, store.load_attempts)).keys())
            assert [r.run_id for r in store.evaluations()] == [1]
            assert run.started_at.tzinfo is not None
    assert loaded[0] == loaded[1]
    assert list(pages[0]) == list(pages[1]) == [1, 2, 3, 4, 5, 6]


def test_a_run_broken_off_goes_on_to_the_same_results(url, tmp_path):
    problems = [problem(name) for name in ("identity", "lem", "curry", "and_comm", "or_comm")]
    whole = Session(tmp_path / "l.db", problems, attempts=2).run()
    Session(url, problems, kill_after=2, attempts=2).run()
    told = Session(url, problems, attempts=2).run(1)
    assert counted(told) == counted(whole)


def write(url, number):
    with Store.open(url) as store:
        recorder = store.recorder(store.start_run("prove", {}, "none", number))
        for n in range(20):
            theorem = make_theorem(f"-- {n}\n" + make_theorem().source, 50 + len(f"-- {n}\n"))
            recorder.expansions(theorem, make_expansions(theorem))
            recorder.flush()


def test_several_write_at_once(url):
    with ThreadPoolExecutor(3) as writers:
        list(writers.map(write, [url] * 3, range(3)))
    with Store.open(url) as store:
        loaded = list(store.load_attempts(range(1, 100)))
    assert len(loaded) == 60
    assert {len(each.expansions) for each in loaded} == {4}


def test_the_command_line_takes_the_url(url, capsys):
    with Store.open(url) as store:
        keep(store, [result("p", "+")])
    assert main(["report", "1", "--db", url]) == 0
    assert "problems.jsonl: 1 of 1 solved" in capsys.readouterr().out


def test_a_server_that_is_gone_is_one_line(server):
    with pytest.raises(StoreError, match="nowhere"):
        Store.open(server % "nowhere")
