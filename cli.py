"""The command line: words in, words out, exit code.

0 all proved; 1 something is not; 2 usage; 3 the machine; 4 soundness alarm; 130 interrupted.
"""

from __future__ import annotations

import asyncio
import gc
import os
import shlex
import sys
import time
import traceback
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import closing
from dataclasses import astuple, replace
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer

from .data import (
    console,
    evaluation_page,
    evaluation_report,
    report,
    result_formats,
    source,
    terminal,
    terminal_report,
)
from .data.console import Job
from .data.errors import EnvironmentFault, LakatosError, UsageError
from .data.evaluation_report import Sheet
from .data.graph import to_dot
from .data.options import (
    Attempts,
    Axioms,
    Budget,
    Db,
    Depth,
    Drafts,
    Extracted,
    Lean,
    Markdown,
    Problems,
    Search,
    Seconds,
    Target,
    Thinking,
    Work,
    grouped,
)
from .data.records import Accepted, Verdict
from .data.source import SourceFile
from .data.store import Store
from .data.tables import check_writable
from .lean_env import doctor as doctor_
from .lean_env import embedded
from .lean_env.doctor import Finding
from .lean_env.toolchain import Toolchain, find_toolchain
from .prover import gather
from .prover.config import DraftConfig, ModelConfig, ProverConfig, key_values
from .prover.errand import Errand
from .prover.evaluate import Evaluator, exam
from .prover.repair import RepairConfig
from .prover.run import RunConfig, searched, start_run

Do = Callable[[Errand], Coroutine[Any, Any, None]]
Option = typer.Option
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command()
@grouped
def prove(
    target: Target,
    budget: Budget,
    work: Work,
    lean: Lean,
    thinking: Thinking,
    search: Search,
    drafts: Drafts,
    refute: Annotated[float, Option(help="Share of the budget to search for disproofs.")] = 0.0,
    resume: Annotated[bool, Option("--resume", help="Go on from what is stored.")] = False,
) -> int:
    """Prove every sorry of the files; print the proofs, or write them with --write."""
    config = _config(work, thinking, budget, search, refute, drafts)
    return _job(target, work, lean, config, lambda errand: errand.prove(resume))


def _config(
    work: Work,
    thinking: Thinking,
    budget: Budget | None = None,
    search: Search | None = None,
    refute: float = 0.0,
    drafts: Drafts | None = None,
) -> RunConfig:
    """What a run is made of. Raises UsageError."""
    options = key_values(thinking.model_option or ())
    judged = thinking.critic, thinking.retriever, thinking.premises, options
    model = ModelConfig(thinking.prompt, thinking.samples, thinking.temperature, *judged)
    spend = ProverConfig(*astuple(budget or Budget()))
    spend = replace(spend, refute=refute, seed=work.seed)
    how = DraftConfig(*astuple(drafts or Drafts("tactic")))
    rest = work.workers, tuple(work.allow_axiom or ()), how
    return searched(RunConfig(spend, thinking.policy, model, *rest), *astuple(search or Search()))


def _job(target: Target, work: Work, lean: Lean, config: RunConfig, do: Do) -> int:
    """Read the files, do it, and keep it; the exit code."""
    source.check_targets(target.files, target.write, target.out)
    read = [_read(name) for name in dict.fromkeys(target.files)]
    job = Job(read, target.theorem or [], target.write, target.out, target.as_json)
    toolchain = _toolchain(lean, read[0].path)
    with _store(work.db) as store:
        command = shlex.join(sys.argv[1:])
        asyncio.run(do(Errand(job, command, config, toolchain, store, _key(), _cache())))
    return job.exit_code


def _toolchain(lean: Lean, file: str | None) -> Toolchain:
    path = None if file in (None, "-") else Path(str(file))
    with closing(terminal.SetupBars(console.err)) as bars:
        return find_toolchain(
            lean.lean, file=path, project=lean.project, progress=bars.show, cache=_cache()
        )


@app.command()
@grouped
def repair(
    target: Target,
    work: Work,
    lean: Lean,
    thinking: Thinking,
    seconds: Seconds = 60.0,
    repair_depth: Depth = 3,
) -> int:
    """Mend the broken proofs of the files; print them, or write them with --write."""
    how = RepairConfig(seconds, repair_depth)
    return _job(target, work, lean, _config(work, thinking), lambda errand: errand.repair(how))


@app.command("eval")
@grouped
def eval_(
    problems: Problems,
    tries: Attempts,
    budget: Budget,
    work: Work,
    lean: Lean,
    thinking: Thinking,
    search: Search,
    drafts: Drafts,
    refute: Annotated[float, Option(help="Share of the budget to search for disproofs.")] = 0.0,
) -> int:
    """Try the theorems of a problem set, and keep what came of each."""
    config = _config(work, thinking, budget, search, refute, drafts)
    asked = exam(problems, tries, config, lambda: _toolchain(lean, str(problems.data)))
    with _store(work.db) as store:
        return asyncio.run(Evaluator(asked, store, shlex.join(sys.argv[1:]))(_key(), _cache()))


@app.command()
@grouped
def extract(asked: Extracted, lean: Lean, db: Db = None) -> int:
    """Turn Lean files or stored attempts into training data, or Lean's library into problems."""
    job = gather.job(asked, lambda: _store(db))
    if asked.out:
        check_writable(asked.out)
    return asyncio.run(job(lambda: _toolchain(lean, asked.path), _cache()))


@app.command()
@grouped
def verify(
    lean: Lean,
    file: Annotated[str, typer.Argument(metavar="FILE", help="The file with proofs.")],
    original: Annotated[
        str | None, Option("--original", metavar="FILE", help="The file with sorry.")
    ] = None,
    allow_axiom: Axioms = None,
) -> int:
    """Judge whether FILE proves the theorems of the original, and nothing weaker."""
    submission = _read(file)
    target = _read(original) if original else submission
    toolchain = _toolchain(lean, submission.path)
    config = RunConfig(workers=1, allow_axioms=tuple(allow_axiom or ()))

    async def judge() -> list[tuple[str, Verdict]]:
        async with start_run(toolchain, config) as run:
            return await run.verifier.compare(target.text, submission.text, name=file)

    verdicts = asyncio.run(judge())
    for name, verdict in verdicts:
        console.standard_output().print(terminal.verdict_text(name, verdict), soft_wrap=True)
    if not verdicts:
        raise UsageError(f"{target.path}: has no theorem to judge")
    return 0 if all(isinstance(verdict, Accepted) for _, verdict in verdicts) else 1


@app.command()
def show(
    attempt: Annotated[int | None, typer.Argument(help="Its number; none lists the last.")] = None,
    html: Annotated[
        Path | None, Option("--html", metavar="FILE", help="Write the graph as a page.")
    ] = None,
    dot: Annotated[
        Path | None, Option("--dot", metavar="FILE", help="Write the graph for Graphviz.")
    ] = None,
    db: Db = None,
) -> int:
    """Show a stored attempt: its tree, proof and statistics."""
    out = console.standard_output()
    with _store(db) as store:
        if attempt is None:
            if html or dot:
                raise UsageError("--html and --dot need the number of an attempt")
            out.print(terminal.attempts_table(store.attempts(limit=30)))
            return 0
        stored = store.load_attempt(attempt)
    if html:
        source.write_whole(html, report.html_page(stored).encode())
    if dot:
        source.write_whole(dot, to_dot(report.graph_of(stored)).encode())
    if not (html or dot):
        out.print(terminal.stored_attempt(stored), soft_wrap=True)
    return 0


@app.command("report")
def report_(
    run: Annotated[int | None, typer.Argument(help="Its number; none lists such runs.")] = None,
    html: Annotated[
        Path | None, Option("--html", metavar="FILE", help="Write it as a page, with the graphs.")
    ] = None,
    export: Annotated[
        str | None,
        Option(metavar="NAME", help=f"Write it to --out as {', '.join(result_formats.FORMATS)}."),
    ] = None,
    out: Annotated[Path, Option(metavar="DIR", help="Where --export writes.")] = Path(),
    markdown: Markdown = False,
    db: Db = None,
) -> int:
    """Report what came of a run over a problem set."""
    with _store(db) as store:
        if run is None:
            rows = store.evaluations()
            console.standard_output().print(terminal_report.evaluations_table(rows))
            return 0
        told = store.load_evaluation(run)
        if html:
            page = evaluation_page.html_page(told, store.load_attempts)
            source.write_whole(html, page.encode("utf-8", "replace"))
        if export:
            for path in result_formats.write(told, export, store.load_attempts, out):
                console.err.print(f"written: {path}", **console.LONG)
    _tell(evaluation_report.headline(told), evaluation_report.report(told), markdown)
    return 0


@app.command()
def compare(
    run: Annotated[int, typer.Argument(help="Number of a run over a problem set.")],
    other: Annotated[int, typer.Argument(help="Number of the other.")],
    markdown: Markdown = False,
    db: Db = None,
) -> int:
    """Compare two runs on the problems that both have."""
    with _store(db) as store:
        one, two = store.load_evaluation(run), store.load_evaluation(other)
    title = f"run {run} and run {other}"
    _tell(title, evaluation_report.comparison(one, two), markdown)
    return 0


def _tell(title: str, sheets: Sequence[Sheet], markdown: bool) -> None:
    if markdown:
        print(evaluation_report.markdown(title, sheets), end="")
    else:
        console.standard_output().print(terminal_report.sheets_text(title, sheets))


@app.command()
def setup() -> int:
    """Set up the embedded Lean now: once, about 120 MB to download."""
    began = time.monotonic()
    with closing(terminal.SetupBars(console.err)) as bars:
        toolchain = embedded.prepare(bars.show, cache=_cache())
    size_mb = doctor_.size_mb(toolchain.dist) + doctor_.size_mb(toolchain.layer)
    took = f"{time.monotonic() - began:.1f} s"
    print(f"Lean {toolchain.lean} is ready: {size_mb:.0f} MB in {toolchain.dist.parent}, {took}")
    return 0


@app.command()
@grouped
def doctor(lean: Lean, db: Db = None) -> int:
    """Say what was found here; start a worker and check one theorem."""

    def findings() -> Iterator[Finding]:
        yield Finding("lakatos", version("lakatos"))
        yield _database(db)
        yield from doctor_.look(lean.lean, _cache())
        if not bad:
            yield from asyncio.run(doctor_.try_out(_toolchain(lean, None)))

    bad: list[Finding] = []
    for finding in findings():
        bad += [] if finding.is_good else [finding]
        line = terminal.finding_text(finding.subject, finding.text, finding.cure)
        console.standard_output().print(line, soft_wrap=True)
    return EnvironmentFault.exit_code if bad else 0


def _database(db: str | None) -> Finding:
    try:
        with _store(db) as store:
            last = store.attempts(limit=1)
            return Finding("database", f"{store.name}, {last[0].id if last else 0} attempts")
    except LakatosError as error:
        return Finding("database", str(error), "choose another file with --db or LAKATOS_DB")


def _store(db: str | None) -> Store:
    return Store.open(db or os.environ.get("LAKATOS_DB"))


def _read(name: str) -> SourceFile:
    return source.from_stdin(sys.stdin.buffer) if name == "-" else source.read_source(name)


def _key() -> str | None:
    return os.environ.get("LAKATOS_API_KEY") or os.environ.get("OPENAI_API_KEY")


def _cache() -> Path | None:
    return Path(place).expanduser() if (place := os.environ.get("LAKATOS_CACHE")) else None


@app.callback(invoke_without_command=True)
def top(
    context: typer.Context,
    show_version: Annotated[bool, Option("--version", help="Print the version.")] = False,
) -> None:
    """Prove Lean 4 theorems; real Lean checks every step."""
    if show_version:
        print(f"lakatos {version('lakatos')}")
    elif context.invoked_subcommand is None:
        print(context.get_help())
    else:
        return
    raise typer.Exit(0)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code. Every failure becomes one line on standard error."""
    gc.set_threshold(5_000, 20, 1_000)  # what a search makes lives as long as the search
    try:
        with console.warnings_as_lines():
            return int(app(args=arguments, prog_name="lakatos", standalone_mode=False) or 0)
    except (KeyboardInterrupt, asyncio.CancelledError):
        console.err.print("lakatos: interrupted; what was proved is kept (lakatos show)")
        return console.INTERRUPTED
    except Exception as error:
        if os.environ.get("LAKATOS_DEBUG"):
            traceback.print_exc()
        return console.explain(error)
