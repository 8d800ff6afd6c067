"""Which files are traced, what becomes of those that fail, and that a break loses nothing."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from lakatos.data.dataset import leandojo_read
from lakatos.data.dataset import leandojo_write as leandojo
from lakatos.data.errors import ToolchainError, UsageError, WorkerDied
from lakatos.data.problems.reader import read_problems
from lakatos.data.records import TimedOut
from lakatos.lean_env.protocol import Failure, Result
from lakatos.lean_env.queries.trace import Traces
from lakatos.prover.commands.extract import ExtractJob, extract_job
from lakatos.prover.commands.verb_options import ExtractOptions
from lakatos.prover.dataset.decontamination import excluded_by
from lakatos.prover.dataset.provenance import origin_of
from lakatos.prover.dataset.tracing import FileExtraction, find, repository_tables, trace_all

from .toy_trace import SOURCE, dataset, wire


class Server:
    """Answers `trace` for every source, but what it is told to do otherwise."""

    def __init__(self, **by_path):
        self.by_path = by_path
        self.asked = []
        self.stuck = asyncio.Event()

    async def request(self, op, *, wall_s, **fields):
        assert op == "trace"
        path = fields["name"]
        self.asked.append(path)
        answer = self.by_path.get(path.removesuffix(".lean"), wire())
        if isinstance(answer, asyncio.Event):
            self.stuck.set()
            await answer.wait()
        if isinstance(answer, BaseException):
            raise answer
        return answer if isinstance(answer, Failure | TimedOut) else Result(1, answer)


def no_store():
    raise AssertionError("the store is not needed")


def project(folder, **texts):
    for name, text in texts.items():
        place = folder / f"{name.replace('__', '/')}.lean"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    return folder


def run(corpus, server, folder, workers=1):
    return asyncio.run(trace_all(corpus, Traces(server, "Lean", folder), workers))


def test_a_folder_is_its_lean_files_but_what_lake_built(tmp_path):
    project(tmp_path, A=SOURCE, M__B="\n", **{"_lake__C": ""})
    project(tmp_path / ".lake", D="")
    project(tmp_path / "build", E="")
    (tmp_path / "bad.lean").write_bytes(b"\xff")
    corpus = find(tmp_path)
    assert [file.path for file in corpus.files] == ["A.lean", "M/B.lean", "_lake/C.lean"]
    assert corpus.failures == (("bad.lean", "not UTF-8 at byte 0"),)
    assert [file.path for file in find(tmp_path / "A.lean").files] == ["A.lean"]


@pytest.mark.parametrize("name", ["nothing", "."])
def test_where_nothing_is_to_be_found_it_says_so(tmp_path, name):
    with pytest.raises(UsageError, match=r"no such file|has no \.lean file"):
        find(tmp_path / name)


def test_what_fails_is_named_and_the_rest_goes_on(tmp_path):
    corpus = find(project(tmp_path / "p", A=SOURCE, B=SOURCE + "\n", C="x", D="y", E="z"))
    server = Server(
        B=wire(errors=[(3, "no such tactic\nat all"), (9, "more")]),
        C=Failure(1, "import_failed", "unknown module Nowhere"),
        D=TimedOut(5.0),
        E=WorkerDied("ended twice"),
    )
    traced = run(corpus, server, tmp_path / "kept")
    assert [file.path for file in traced.read()] == ["A.lean", "B.lean"]
    assert sorted(traced.failures) == [
        ("B.lean", "line 3: no such tactic and 1 more"),
        ("C.lean", "unknown module Nowhere"),
        ("D.lean", "Lean took more than 5 s"),
        ("E.lean", "ended twice"),
    ]


def test_after_a_break_what_was_traced_is_not_traced_again(tmp_path):
    corpus = find(project(tmp_path / "p", A=SOURCE, B=SOURCE + "\n", C=SOURCE + "\n\n"))

    async def broken_off():
        server = Server(B=asyncio.Event())
        traces = Traces(server, "Lean", tmp_path / "kept")
        job = asyncio.create_task(trace_all(corpus, traces, 1))
        await server.stuck.wait()
        job.cancel()
        with pytest.raises(asyncio.CancelledError):
            await job
        assert server.asked == ["A.lean", "B.lean"]

    asyncio.run(broken_off())
    again = Server()
    traced = run(corpus, again, tmp_path / "kept", workers=2)
    assert sorted(again.asked) == ["B.lean", "C.lean"]
    assert (traced.traced_anew, len(traced.good)) == (2, 3)


def test_what_changed_is_traced_again_and_what_imports_it(tmp_path):
    texts = {"A": SOURCE, "M__B": "import A\n", "C": "import M.B\n", "D": "import Std\n"}
    corpus = find(project(tmp_path / "p", **texts))
    run(corpus, Server(), tmp_path / "kept")
    project(tmp_path / "p", A=SOURCE + "\n")
    again = Server()
    run(find(tmp_path / "p"), again, tmp_path / "kept")
    assert sorted(again.asked) == ["A.lean", "C.lean", "M/B.lean"]


def test_another_lean_traces_anew(tmp_path):
    corpus = find(project(tmp_path / "p", A=SOURCE))
    run(corpus, Server(), tmp_path / "kept")
    server = Server()
    asyncio.run(trace_all(corpus, Traces(server, "another Lean", tmp_path / "kept"), 1))
    assert server.asked == ["A.lean"]


def test_a_damaged_trace_is_told_of_and_made_anew(tmp_path):
    corpus = find(project(tmp_path / "p", A=SOURCE))
    traced = run(corpus, Server(), tmp_path / "kept")
    (place,) = (tmp_path / "kept").rglob("*.gz")
    place.write_bytes(place.read_bytes()[:40])
    with pytest.raises(UsageError, match=r"A\.lean: its trace is damaged"):
        list(traced.read())
    server = Server()
    run(corpus, server, tmp_path / "kept")
    assert server.asked == ["A.lean"]


def test_a_folder_knows_its_repository_and_licence(tmp_path):
    assert origin_of(tmp_path).commit == ""
    words = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    for command in (
        ["init", "-q"],
        ["remote", "add", "origin", "https://example.org/toys.git"],
        [*words, "commit", "-q", "--allow-empty", "-m", "x"],
    ):
        subprocess.run(["git", "-C", str(tmp_path), *command], check=True)
    (tmp_path / "LICENSE.md").write_text("MIT")
    (tmp_path / "inner").mkdir()
    origin = origin_of(tmp_path / "inner")
    assert (origin.url, origin.name) == ("https://example.org/toys", tmp_path.name)
    assert len(origin.commit) == 40
    assert origin.licenses == {"LICENSE.md": "MIT"}


@pytest.mark.lean
def test_a_project_becomes_a_dataset_without_its_broken_parts(tmp_path, toolchain, capsys):
    folder = project(
        tmp_path / "p",
        Good="theorem a (n : Nat) : n + 0 = n := by\n  rw [Nat.add_zero]\n"
        "theorem b (m : Nat) (h : 0 < m) : m ≠ 0 := by\n  have := h\n  omega\n",
        sub__Broken="theorem c : 1 = 1 := rfl\ntheorem d : 1 = 2 := by\n  rfl\n",
        Away="import Nowhere\n",
    )
    problem = {"name": "x", "formal_statement": "theorem x (k : Nat) : 0 < k → k ≠ 0 := by sorry"}
    other = {"name": "y", "formal_statement": "theorem y (k : Nat) : k + 0 = k := by\n  sorry"}
    problems = tmp_path / "set.jsonl"
    problems.write_text(f"{json.dumps(problem)}\n{json.dumps(other)}\n", encoding="utf-8")

    def extract(**asked):
        extraction = extract_job(
            ExtractOptions(str(folder), tmp_path / "out", workers=1, **asked), no_store
        )
        return asyncio.run(extraction(lambda: toolchain, tmp_path / "cache"))

    def proved():
        rows = (tmp_path / "out" / "jsonl" / "theorems.jsonl").read_text(encoding="utf-8")
        return [json.loads(row)["full_name"] for row in rows.splitlines()]

    assert extract() == 1
    assert proved() == ["a", "b", "c"]
    told = capsys.readouterr()
    assert "Away.lean: unknown module Nowhere" in " ".join(told.err.split())
    assert "sub/Broken.lean: line 3: Tactic `rfl` failed" in told.err
    assert "proofs: 3: 2 by tactics, 1 by terms" in told.out
    extract(exclude=[problems])
    assert proved() == ["c"], "one by its state, one by its statement"
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "the problems of set (2 of 2 problems could be stated)" in card
    told = []
    sets = [read_problems("set", problems)]
    excluded = asyncio.run(excluded_by(sets, toolchain, lambda *each: told.append(each)))
    assert told == [(0, 2, "set"), (1, 2, "set")]
    assert len(excluded.statements) == 2


def test_an_interrupted_extraction_says_that_nothing_is_lost(tmp_path, capsys):
    extraction = extract_job(ExtractOptions(str(project(tmp_path, A=SOURCE)), stats=True), no_store)

    class Broken(FileExtraction):
        async def trace(self, toolchain, cache=None, told=None):
            told(3, 9, "C.lean")
            raise asyncio.CancelledError

    broken = ExtractJob(
        Broken("A.lean", extraction.extraction.corpus, extraction.extraction.formats)
    )
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(broken(lambda: None))
    assert "interrupted: 3 files are done; run it again" in capsys.readouterr().err


def test_what_is_asked_is_checked_before_lean_is_started(tmp_path):
    folder = project(tmp_path, A=SOURCE)
    with pytest.raises(UsageError, match="either --out DIR or --stats"):
        extract_job(ExtractOptions(str(folder)), no_store)
    with pytest.raises(UsageError, match="no format 'csv'"):
        extract_job(ExtractOptions(str(folder), tmp_path / "out", format=["csv"]), no_store)
    with pytest.raises(UsageError, match="no such file"):
        extract_job(
            ExtractOptions(str(folder), stats=True, exclude=[tmp_path / "missing"]), no_store
        )


@pytest.mark.parametrize("name", ["jsonl", "parquet"])
def test_leandojos_benchmark_is_read_without_lean(tmp_path, capsys, name):
    written = tmp_path / "benchmark"
    written.mkdir()
    leandojo.write(dataset(), written)
    extraction = extract_job(
        ExtractOptions(str(written), tmp_path / "out", format=[name]), no_store
    )
    assert asyncio.run(extraction(lambda: pytest.fail("no Lean is needed"))) == 0
    assert "random/train: 4 rows" in capsys.readouterr().out
    place = tmp_path / "out" / name / "random" / f"train.{name}"
    if name == "jsonl":
        rows = [json.loads(line) for line in place.read_text(encoding="utf-8").splitlines()]
    else:
        rows = pytest.importorskip("pyarrow.parquet").read_table(place).to_pylist()
    assert [row["tactic"] for row in rows][-1] == "exact hq"
    assert rows[1]["annotations"][0]["full_name"] == "bar"
    assert rows[0]["state_after"].startswith("case left")


def test_a_malformed_benchmark_is_named(tmp_path):
    leandojo.write(dataset(), tmp_path)
    (tmp_path / "random" / "val.json").write_text('[{"url": ""}]')
    extraction = extract_job(ExtractOptions(str(tmp_path), stats=True), no_store)
    with pytest.raises(UsageError, match=r"val\.json: not as LeanDojo writes it: KeyError"):
        asyncio.run(extraction(lambda: pytest.fail("no Lean is needed")))
    with pytest.raises(UsageError, match="--exclude does not work for LeanDojo"):
        extract_job(ExtractOptions(str(tmp_path), stats=True, exclude=[tmp_path]), no_store)


class FakeDojo:
    """As much of LeanDojo as is used; its objects are what LeanDojo 4.20 gives."""

    def __init__(self, error=None):
        self.error = error

    def get_latest_commit(self, url):
        return "b" * 40

    def LeanGitRepo(self, url, commit):  # noqa: N802
        return SimpleNamespace(url=url, commit=commit)

    def trace(self, repo):
        if self.error:
            raise self.error
        other = SimpleNamespace(url="", commit="")
        theorem = SimpleNamespace(file_path=Path("A.lean"), full_name="t")
        defined = {"def_path": Path("B.lean"), "def_pos": (1, 2), "def_end_pos": (1, 3)}
        tactic = SimpleNamespace(
            tactic="rw [x]", state_before="⊢ p", state_after="no goals",
            get_annotated_tactic=lambda: ("rw [<a>x</a>]", [{"full_name": "x", **defined}]),
        )  # fmt: skip
        place = {"start": (1, 1), "end": (2, 3)}
        theorems = [
            SimpleNamespace(repo=r, theorem=theorem, get_traced_tactics=lambda: [tactic], **place)
            for r in (repo, other)
        ]
        premise = {"full_name": "x", "code": "theorem x", "kind": "commanddeclaration"} | place
        file = SimpleNamespace(path=Path("B.lean"), get_premise_definitions=lambda: [premise])
        return SimpleNamespace(repo=repo, get_traced_theorems=lambda: theorems, traced_files=[file])


@pytest.mark.parametrize(("given", "commit"), [("", "b" * 40), ("@" + "c" * 40, "c" * 40)])
def test_a_repository_is_what_leandojo_tells_of_it(tmp_path, given, commit):
    tables = repository_tables("https://example.org/x" + given, FakeDojo())
    assert leandojo_read.convert(tables, tmp_path, ["jsonl"]) == {"tactics": 1, "premises": 1}
    (row,) = (tmp_path / "jsonl" / "tactics.jsonl").read_text(encoding="utf-8").splitlines()
    told = json.loads(row)
    assert (told["url"], told["commit"]) == ("https://example.org/x", commit)
    assert told["annotations"] == [
        {"full_name": "x", "def_path": "B.lean", "def_pos": [1, 2], "def_end_pos": [1, 3]}
    ]


READ_OF_LEANDOJO = """
import lean_dojo
read = {
    "LeanGitRepo": ["url", "commit"],
    "Theorem": ["file_path", "full_name"],
    "TracedRepo": ["repo", "traced_files", "get_traced_theorems"],
    "TracedFile": ["path", "get_premise_definitions"],
    "TracedTheorem": ["repo", "theorem", "start", "end", "get_traced_tactics"],
    "TracedTactic": ["tactic", "state_before", "state_after", "get_annotated_tactic"],
}
for name, members in read.items():
    there = getattr(lean_dojo, name)
    for member in members:
        assert member in there.__dataclass_fields__ or hasattr(there, member), (name, member)
assert callable(lean_dojo.trace) and callable(lean_dojo.get_latest_commit)
"""


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="LeanDojo is for Python before 3.13")
@pytest.mark.slow
def test_leandojo_itself_has_what_is_read_of_it():
    words = [sys.executable, "-W", "ignore", "-c", READ_OF_LEANDOJO]
    done = subprocess.run(words, capture_output=True, encoding="utf-8", check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("module", "error"),
    [("builtins", "RuntimeError"), ("git", "GitError"), ("gitdb.exc", "BadName")],
)
def test_when_leandojo_fails_it_says_so(module, error):
    failure = getattr(pytest.importorskip(module), error)("no\nelan")
    with pytest.raises(ToolchainError, match=r"LeanDojo cannot trace https://example\.org/x: .*no"):
        list(repository_tables("https://example.org/x", FakeDojo(failure)))


def test_without_leandojo_it_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "lean_dojo", None)
    with pytest.raises(UsageError, match=r"lakatos\[dojo\]"):
        list(repository_tables("https://example.org/x"))


def test_a_path_that_is_not_there_is_named_before_anything_else():
    with pytest.raises(UsageError, match="nosuch"):
        extract_job(ExtractOptions("nosuch"), no_store)
