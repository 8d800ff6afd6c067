"""Expert iteration over a problem set: prove, learn from what was tried, prove again.

Everything is in the database: each part of a round is a run there, known by the mark in its
configuration. So what was broken off goes on with the same command, to the same results.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...data.dataset.dataset import Excluded
from ...data.errors import UsageError
from ...data.evaluation import Evaluation, Problem, hash_of
from ...data.files import write_whole
from ...data.problems.near_duplicates import NearDuplicate, near_duplicates
from ...data.report.training_page import learning_page
from ...lean_env.toolchains.find import Toolchain
from ..learning.files import write_memory, write_priors
from ..learning.outcomes import read_store, states_met
from ..policy_spec import HammerSpec, NearestNeighboursSpec, parse_policy
from ..session import RunConfig
from ..training.memory import train_memory
from ..training.model_folder import is_trained
from ..training.priors import train_priors
from ..training.rounds import MIDDLE, RoundResult, chosen, round_result
from ..training.step_examples import found_examples
from . import console
from .evaluate import evaluate
from .evaluation_config import EvaluationConfig, RunRecord
from .evaluation_console import ConsoleReporter
from .learn_model import MODEL, ModelRounds
from .streams import interrupted_code

RECORD, PAGE = "learn.json", "learn.html"
PRIORS, MEMORY = "priors.json", "memory.json"


@dataclass(frozen=True)
class Learning:
    """One `lakatos learn`.

    Args:
        name: of the problem set.
        train, held_out: its problems; nothing of the second is learned from.
        config: how problems are tried in round 0.
        toolchain: the Lean.
        out: the folder of what is learned.
        rounds: how often is learned.
        attempts: at each problem of the train split, in each round.
        lean_words: how the toolchain was chosen, as the store keeps it.
        model: the language model of the policy that is trained in each round, if one is.
    """

    name: str
    train: tuple[Problem, ...]
    held_out: tuple[Problem, ...]
    config: RunConfig
    toolchain: Toolchain
    out: Path
    rounds: int
    attempts: int
    lean_words: dict[str, Any]
    model: ModelRounds | None = None

    def __post_init__(self) -> None:
        if self.rounds < 1:
            raise UsageError(f"rounds must be at least 1, not {self.rounds}")
        if self.attempts < 1:
            raise UsageError(f"attempts must be at least 1, not {self.attempts}")
        learned = (HammerSpec, NearestNeighboursSpec)
        counts = any(isinstance(spec, learned) for spec in parse_policy(self.config.policy).specs)
        if not counts and self.model is None:
            hint = ", and an hf: model with --train-model" if self.untrained else ""
            raise UsageError(
                f"policy {self.config.policy} learns nothing here; hammer and knn do{hint}"
            )

    @property
    def untrained(self) -> list[str]:
        """The language models of the policy that stay as they are."""
        models = parse_policy(self.config.policy).models
        return [f"{m.word}:{m.name}" for m in models if not self.model or self.model.base != m.name]

    @property
    def terms(self) -> dict[str, Any]:
        """What makes it this one, as JSON values; without the number of rounds, which may grow."""
        own = self.evaluation(self.train, self.config).as_json
        of = {"train": hash_of(self.train), "held_out": hash_of(self.held_out)}
        terms = {"config": own, "lean": own["worker"], "attempts": self.attempts, **of}
        if self.model:
            terms["model_minutes"] = self.model.minutes
        plain: dict[str, Any] = json.loads(json.dumps(terms))
        return plain

    def evaluation(
        self, problems: tuple[Problem, ...], config: RunConfig, attempts: int = 1
    ) -> EvaluationConfig:
        """A run over some of its problems."""
        return EvaluationConfig(
            name=self.name,
            problems=problems,
            config=config,
            toolchain=self.toolchain,
            attempts=attempts,
            all_attempts=attempts > 1,
            choice={**self.lean_words, "read": hash_of(problems)},
            reporter=ConsoleReporter(quiet=True),
        )


Evaluate = Callable[[EvaluationConfig, RunRecord, str | None, Path | None], Awaitable[int]]
"""Runs one evaluation, or goes on with it, and stores it; the exit code."""


def check_unused(out: Path) -> None:
    """Raise UsageError for a folder of another use than learning."""
    is_other = out.exists() and (not out.is_dir() or any(out.iterdir()))
    if is_other and not (out / RECORD).is_file():
        raise UsageError(f"{out} is not empty, and no learning was begun there")


class LearnCommand:
    """Runs the rounds. evaluate: runs each part of them; cache: where Lean is set up."""

    def __init__(
        self,
        learning: Learning,
        record: RunRecord,
        cache: Path | None = None,
        evaluate: Evaluate = evaluate,
    ) -> None:
        self._learning = learning
        self._evaluate = evaluate
        self._code = 0
        self._store = record.store
        self._record = record
        self._cache = cache
        self._training: list[Evaluation] = []
        self._held: list[Evaluation] = []
        self._rounds: list[RoundResult] = []

    async def __call__(self) -> int:
        """All rounds that are not done yet; the exit code.

        Raises UsageError, StoreError, EnvironmentFault.
        """
        learning = self._learning
        repeated = near_duplicates(learning.train, learning.held_out)
        self._begin(repeated)
        names = {each.problem.name for each in repeated}
        train = tuple(p for p in learning.train if p.name not in names)
        if not train:
            raise UsageError("nothing to train on: every problem repeats one that is held out")
        console.note(f"left out as near duplicates of held-out problems: {len(repeated)}")
        for model in learning.untrained:
            console.note(f"{model} is not trained in the rounds, only asked")
        try:
            for number in range(learning.rounds + 1):
                own = await self._train(number, train) if number else []
                self._held.append(await self._run(number, "held out", learning.held_out, 1))
                self._tell(round_result(number, self._training, own, self._held), repeated)
        except asyncio.CancelledError:
            console.note("go on with the same command")
            return self._code or interrupted_code()
        console.standard_output().print(f"written to: {learning.out}", markup=False, soft_wrap=True)
        return 0

    def _begin(self, repeated: Sequence[NearDuplicate]) -> None:
        """Begin, or go on with the same. Raises UsageError for a folder of another use."""
        out, terms = self._learning.out, self._learning.terms
        place = out / RECORD
        if place.is_file():
            try:
                known = json.loads(place.read_text("utf-8"))["terms"]
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise UsageError(f"{place} cannot be read: {error}") from error
            if known != terms:
                differing = ", ".join(name for name in terms if known.get(name) != terms[name])
                raise UsageError(f"{out} has another learning ({differing} differ): choose another")
            return
        check_unused(out)
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"{out} cannot be made: {error.strerror}") from error
        left_out = [[each.problem.name, each.like, round(each.share, 3)] for each in repeated]
        write_whole(place, _text({"terms": terms, "left_out": left_out, "rounds": []}))

    async def _train(self, number: int, train: tuple[Problem, ...]) -> list[Evaluation]:
        """Try the train split, and learn from what was tried in all rounds; the runs."""
        usual, middle = chosen(train, self._training)
        attempts = self._learning.attempts
        own = [
            await self._run(number, part, problems, tries)
            for part, problems, tries in (
                ("train", usual, attempts),
                ("middle", middle, MIDDLE * attempts),
            )
            if problems
        ]
        self._training += own
        self._learn(number)
        return own

    def _learn(self, number: int) -> None:
        """Write the priors, the memory and the model of a round, unless they are there."""
        folder, model = self._folder(number), self._learning.model
        is_counted = (folder / PRIORS).is_file() and (folder / MEMORY).is_file()
        if is_counted and (model is None or is_trained(folder / MODEL)):
            return
        roots = frozenset(
            each.theorem.state.key
            for run in self._held
            for each in self._store.load_attempts(_attempts(run), 0)
        )
        excluded = Excluded("held out", frozenset(), roots)
        counted = {each for run in self._training for each in _attempts(run)}
        runs = tuple(run.run_id for run in self._training)
        tried = read_store(self._store, runs, excluded, counted)
        if not is_counted:
            for why, count in tried.left_out.items():
                console.note(f"round {number}: {count} attempts left out: {why}")
            table, _ = train_priors(tried)
            folder.mkdir(exist_ok=True)
            write_priors(folder / PRIORS, table)
            write_memory(folder / MEMORY, train_memory(tried), tried.lean)
        if model:
            stored = self._store.load_attempts(sorted(counted))
            kept = (each for each in stored if not excluded.meets(states_met(each)))
            model.learn(folder, found_examples(kept), tried.lean)

    async def _run(
        self, number: int, part: str, problems: tuple[Problem, ...], attempts: int
    ) -> Evaluation:
        """The run of one part of a round: begun, gone on with, or over already."""
        learning = self._learning
        config = self._config(number, part)
        evaluation = replace(
            learning.evaluation(problems, config, attempts),
            name=f"{learning.name}, round {number}, {part}",
        )
        mark = {"learn": str(learning.out.absolute()), "round": number, "part": part}
        evaluation.choice.update(mark)
        stored = self._found(mark)
        if stored and stored.is_finished:
            return stored
        if stored:
            evaluation = replace(evaluation, problems=_own(stored), earlier=stored)
        code = await self._evaluate(evaluation, self._record, None, self._cache)
        done = self._found(mark)
        if done is None or not done.is_finished or code not in (0, 1):
            self._code = code
            raise asyncio.CancelledError
        return done

    def _found(self, mark: dict[str, Any]) -> Evaluation | None:
        """The stored run with a mark."""
        for row in self._store.evaluations():
            own = row.config.get("evaluation", {})
            if all(own.get(name) == value for name, value in mark.items()):
                return self._store.load_evaluation(row.run_id)
        return None

    def _config(self, number: int, part: str) -> RunConfig:
        """How the problems of a part are tried: with what the round before it learned.

        On the train split tactics are tried in any order, so that each is counted; the seed of
        each round is its own.
        """
        config, held = self._learning.config, part == "held out"
        learned = self._folder(number if held else number - 1)
        model = config.model
        if trained := self._learning.model:
            rounds = [self._folder(each) for each in range(1, number + held)]
            if (words := trained.policy(config.policy, rounds)) != config.policy:
                config, model = replace(config, policy=words), replace(model, prompt=None)
        if number > (0 if held else 1):
            model = replace(model, priors=str(learned / PRIORS), memory=str(learned / MEMORY))
        if held:
            return replace(config, model=model)
        model = replace(model, priors=f"random+{model.priors}" if model.priors else "random")
        prover = replace(config.prover, seed=config.prover.seed + 1000 * number)
        return replace(config, model=model, prover=prover)

    def _folder(self, number: int) -> Path:
        return self._learning.out.absolute() / f"round-{number}"

    def _tell(self, result: RoundResult, repeated: Sequence[NearDuplicate]) -> None:
        """Write the record and the page, and print a line."""
        self._rounds.append(result)
        learning = self._learning
        left_out = [[each.problem.name, each.like, round(each.share, 3)] for each in repeated]
        rounds = [each.as_json for each in self._rounds]
        record = {"terms": learning.terms, "left_out": left_out, "rounds": rounds}
        write_whole(learning.out / RECORD, _text(record))
        sizes = len(learning.train) - len(repeated), len(learning.held_out)
        facts = [
            ("problem set", learning.name),
            ("policy", learning.config.policy),
            ("train split", f"{sizes[0]:,} problems; {len(repeated)} near duplicates left out"),
            ("held-out split", f"{sizes[1]:,} problems"),
        ]
        write_whole(learning.out / PAGE, learning_page(facts, rounds, left_out, sizes).encode())
        line = (
            f"round {result.number}: {len(result.solved)} of {sizes[1]} held-out problems solved, "
            f"{len(result.new)} new, {len(result.forgotten)} forgotten; "
            f"{result.trained} of {sizes[0]} of the train split"
        )
        console.standard_output().print(line, markup=False, soft_wrap=True)


def _attempts(run: Evaluation) -> list[int]:
    """Those that count: one that was killed before it was counted was made again."""
    return [attempt.attempt_id for result in run.results for attempt in result.attempts]


def _own(run: Evaluation) -> tuple[Problem, ...]:
    return tuple(result.problem for result in run.results)


def _text(value: dict[str, Any]) -> bytes:
    return json.dumps(value, indent=1, ensure_ascii=False).encode() + b"\n"


async def learn(learning: Learning, record: RunRecord, cache: Path | None = None) -> int:
    """Run the rounds; the exit code. Raises as `LearnCommand`."""
    return await LearnCommand(learning, record, cache)()
