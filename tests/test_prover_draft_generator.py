"""Who writes drafts and how they are asked again, what they are told, what drafts share."""

import asyncio
from dataclasses import replace

import pytest
from lakatos.data.errors import ModelUnavailable, UsageError
from lakatos.data.records import (
    Accepted,
    Advanced,
    Attempt,
    Expansion,
    Goal,
    Hypothesis,
    Message,
    ProofState,
    Refusal,
    RefusalKind,
    Refused,
    Rejected,
    Step,
    StopReason,
    Theorem,
)
from lakatos.prover.agent.prover import Prover
from lakatos.prover.agent.recorder import NoObserver
from lakatos.prover.agent.task import ProverContext
from lakatos.prover.config import DraftConfig, ModelConfig, ProverConfig
from lakatos.prover.hammer.policy import Hammer
from lakatos.prover.models.base import Completion, Generated, Sampling
from lakatos.prover.policy.base import Proposal, Query
from lakatos.prover.policy.prompts import format_named
from lakatos.prover.policy.scripted import ScriptedPolicy
from lakatos.prover.policy_spec import parse_policy
from lakatos.prover.repair import feedback
from lakatos.prover.repair.draft_generator import FileDrafts, FixedDrafts, ModelDraftGenerator
from lakatos.prover.repair.draft_task import DraftMethod, block_of
from lakatos.prover.repair.lemma_cache import LemmaCache, as_tactic
from lakatos.prover.repair.sorrifier import Draft
from lakatos.prover.roles import roles

from .toy_prover import Judge, Log, ToyPool

SOURCE = "theorem t (n : Nat) : n = n := by\n  sorry\n"
STATE = ProofState("k", (Goal("n = n", (Hypothesis("n", "Nat"),)),))
THEOREM = Theorem("t", SOURCE, "t.lean", 36, 41, 2, 2, "tactic", STATE, "t")


class Writer:
    """A model that says what it was asked and with which seed."""

    name = "writer"

    def __init__(self, *answers):
        self.answers = answers
        self.asked = []

    async def generate(self, prompts, sampling):
        self.asked.append((prompts[0], sampling.n, sampling.seed))
        texts = [self.answers[i % len(self.answers)] for i in range(sampling.n)]
        return [Generated(tuple(Completion(text, tokens=5) for text in texts))]

    async def close(self):
        pass


def author(*answers, form="chat-proof"):
    model = Writer(*answers)
    return model, ModelDraftGenerator(model, format_named(form), Sampling(n=3, seed=7))


def told(**values):
    return feedback.feedback(**values)


def test_first_drafts_are_one_request_and_later_ones_go_on_from_their_own():
    model, writer = author("```lean4\ntheorem t : n = n := by\n  rfl\n```", "no idea")

    async def run():
        begun = await writer.begin(THEOREM, 2)
        for each in begun:
            await writer.go_on(THEOREM, each, told(errors="bad\n\n"))
        return begun

    first, second = asyncio.run(run())
    assert (first.block, first.answer) == ("rfl", model.answers[0])
    assert second.number == 1
    assert [n for _, n, _ in model.asked] == [2, 1, 1]
    assert len({seed for _, _, seed in model.asked}) == 3
    start, go_on, other = (prompt.messages for prompt, _, _ in model.asked)
    assert go_on[: len(start)] == start
    assert other[len(start)].text == "no idea"
    assert "bad" in go_on[-1].text
    assert [t.role for t in first.unkept[-3:]] == ["assistant", "user", "assistant"]
    kept = first.take_turns(True)
    assert (kept[-1].is_right, kept[-1].tokens, kept[-2].is_feedback) == (True, 5, True)
    assert first.unkept == []


def test_a_model_that_continues_text_is_given_all_of_it_again():
    model, writer = author("rfl\n", form="deepseek-prover")

    async def run():
        (begun,) = await writer.begin(THEOREM, 1)
        await writer.go_on(THEOREM, begun, told(errors="bad\n\n"))
        return begun

    begun = asyncio.run(run())
    first, second = (prompt.text for prompt, _, _ in model.asked)
    assert begun.block == "rfl"
    assert second.startswith(first + "rfl\n\n```\n\nLean does not accept this proof.\n\nbad")
    assert second.endswith(first)


def test_given_texts_come_one_after_the_other_and_end():
    policy = ScriptedPolicy({}, [Proposal(t, 1.0) for t in ("a", "b", "c")])
    given = FixedDrafts(policy)

    async def run():
        begun = await given.begin(THEOREM, 2)
        said = [each.block for each in begun]
        for each in begun:
            await given.go_on(THEOREM, each, told())
        return said, begun

    said, (first, second) = asyncio.run(run())
    assert said == ["a", "b"]
    assert (first.block, first.is_over, second.is_over) == ("c", False, True)


def test_ones_own_drafts_go_by_name():
    def drafted(text, theorem=THEOREM, state=STATE):
        (advice,) = asyncio.run(FileDrafts("sketch:f", text).propose([Query(theorem, state)]))
        return [proposal.tactic for proposal in advice.proposals]

    text = "theorem u : 1 = 1 := by\n  rfl\n\ntheorem a.t (n : Nat) : n = n := by\n  simp\n"
    assert drafted(text) == ["simp"]
    assert drafted(text, replace(THEOREM, name="other")) == []
    assert drafted("intro x\nsorry") == ["intro x\nsorry"]
    assert drafted(text, state=ProofState("another")) == []


@pytest.mark.parametrize(
    ("spec", "mode", "search", "expected"),
    [
        ("hammer", "auto", None, ("tactic", None, "hammer")),
        ("hf:bfs-prover", "auto", None, ("tactic", None, "hf:bfs-prover")),
        ("openai:kimina@http://h", "auto", None, ("whole-proof", "openai", "hammer")),
        ("openai:kimina@http://h", "auto", "rmax", ("tactic", None, "openai:kimina@http://h")),
        ("hammer+sketch:f", "auto", None, ("sketch", "sketch", "1.0*hammer")),
        ("openai:m@http://h", "sketch", None, ("sketch", "openai", "hammer")),
        ("hf:bfs-prover+hf:kimina", "auto", None, ("whole-proof", "hf", "1.0*hf:bfs-prover")),
        ("scripted:f", "whole-proof", None, ("whole-proof", "scripted", "hammer")),
    ],
)
def test_who_writes_and_who_searches(spec, mode, search, expected):
    found = roles(spec, ModelConfig(), mode, search)
    word = found.writer.word if found.writer else None
    assert (found.mode, word, found.searcher) == (*expected[:2], parse_policy(expected[2]))


def test_a_general_model_gets_the_format_of_the_mode():
    kimina = roles("openai:kimina@http://h", ModelConfig(), "sketch")
    assert kimina.form == format_named("chat-sketch")
    chat = roles("openai:m@http://h", ModelConfig(), "whole-proof")
    assert chat.form == format_named("chat-proof")
    with pytest.raises(UsageError, match="one policy writes drafts, not 2"):
        roles("hf:kimina+hf:goedel", ModelConfig())
    with pytest.raises(UsageError, match="needs a policy that writes"):
        roles("hammer", ModelConfig(), "sketch")


@pytest.mark.parametrize("bad", [{"attempts": 0}, {"turns": 0}, {"repair_depth": -1}])
def test_senseless_drafts_are_refused(bad):
    with pytest.raises(UsageError, match=next(iter(bad))):
        DraftConfig(**bad)


def test_errors_stand_under_their_lines_and_are_trimmed():
    long = "unsolved goals\n" + "\n".join(f"h{i} : p{i}" for i in range(200)) + "\n⊢ q"
    messages = [Message("error", long, 12, 2), Message("error", "again", 13, 0)]
    text = feedback.errors_text("intro h\nsimp at h", [*messages, messages[0]], 11)
    assert text.startswith("Error at line 1, `intro h`:\nunsolved goals\nh0 : p0")
    assert "[...]" in text
    assert "⊢ q\n\nError at line 2, `simp at h`:\nagain\n\n" in text
    assert len(text) < 2 * feedback.MESSAGE_CHARS
    many = [Message("error", str(i), 1, 0) for i in range(9)]
    assert feedback.errors_text("", many, 0).endswith("(5 more errors)\n\n")


def test_open_goals_are_told_and_false_ones_marked():
    other = replace(THEOREM, state=ProofState("j", (Goal("n = 1"),)))
    text = feedback.holes_text([THEOREM, other], [other.state])
    assert "Not proved:\n```\nn : Nat\n⊢ n = n\n```" in text
    assert "False, it has a counterexample:\n```\n⊢ n = 1\n```" in text
    refused = Refused((Refusal(RefusalKind.AXIOM, "sorryAx"),))
    assert feedback.refusal_text(refused) == "axiom: sorryAx\n\n"


def proved(hole, proof):
    return Attempt(hole, StopReason.PROVED, proof, Accepted(), 1, 1)


def test_a_lemma_renames_its_hypotheses_and_serves_the_same_goal():
    lemmas = LemmaCache()
    hole = replace(THEOREM, state=ProofState("x", (Goal("p", (Hypothesis("h", "q"),)),)))
    lemmas.finish_attempt(proved(hole, "exact f h"))
    alike = ProofState("x", (Goal("p", (Hypothesis("g", "q"),)),))
    assert lemmas.blocks(THEOREM, alike) == ["revert g\nintro h\nexact f h"]
    more = replace(THEOREM, state=ProofState("y", (Goal("p"),)))
    assert lemmas.blocks(more, more.state) == ["exact f h"]
    assert lemmas.blocks(THEOREM, STATE) == []


def test_what_failed_is_given_up_up_to_what_was_spent():
    lemmas = LemmaCache()
    lemmas.finish_attempt(Attempt(THEOREM, StopReason.EXPANSIONS, expansions=3, steps=9))
    assert lemmas.is_given_up(THEOREM, 3)
    assert not lemmas.is_given_up(THEOREM, 4)


@pytest.mark.parametrize(
    ("mode", "column", "text", "block"),
    [
        ("tactic", 4, "intro h\n    exact h", "intro h\nexact h"),
        ("tactic", 30, "\n  intro h\n  · simp\n    omega", "intro h\n· simp\n  omega"),
        ("tactic", 2, "omega", "omega"),
        ("term", 9, "by\n    simp", "exact by\n    simp"),
    ],
)
def test_a_proof_in_its_file_becomes_a_block_at_the_margin(mode, column, text, block):
    assert as_tactic(replace(THEOREM, mode=mode, column=column), text) == block


@pytest.mark.parametrize(
    ("mode", "before", "value", "block"),
    [
        ("tactic", "theorem t : p := by\n  ", "intro h\n  exact h", "intro h\nexact h"),
        ("tactic", "theorem t : p := by ", "\n  intro h\n  exact h", "intro h\nexact h"),
        ("term", "theorem t : p := ", "by\n  intro h\n  exact h", "intro h\nexact h"),
        ("term", "theorem t : p := ", "by omega", "omega"),
        ("term", "theorem t : p := ", "rfl", "exact rfl"),
    ],
)
def test_a_draft_becomes_the_block_that_is_judged(mode, before, value, block):
    assert block_of(replace(THEOREM, mode=mode), Draft(before, value, "\n", 0)) == block


class Deaf:
    """An author whose answers never come, or fail."""

    name = "deaf"

    def __init__(self, error=None):
        self.error = error
        self.asked = asyncio.Event()

    async def begin(self, theorem, most):
        self.asked.set()
        if self.error:
            raise self.error
        await asyncio.get_running_loop().create_future()


def drafter(author, recorder, judge=None):
    pool = ToyPool()
    pool.workers = 1
    context = ProverContext(pool, judge or Judge(), Hammer(), recorder, ProverConfig(), lambda: 0.0)
    return Prover.of(context, DraftMethod(author, NoObserver(), DraftConfig()))


def test_stopped_while_the_author_thinks_all_attempts_end_interrupted():
    log, other = Log(), replace(THEOREM, name="u", start=37)

    async def run():
        author = Deaf()
        work = drafter(author, log)
        task = asyncio.create_task(work.prove([THEOREM, other]))
        await author.asked.wait()
        work.stop()
        return await task

    assert [a.stop for a in asyncio.run(run())] == [StopReason.INTERRUPTED] * 2
    assert [call for call in log.calls if call[0] == "finish"] == [
        ("finish", "t", StopReason.INTERRUPTED), ("finish", "u", StopReason.INTERRUPTED),
    ]  # fmt: skip


def test_a_model_that_is_gone_is_told_and_ends_all():
    async def run():
        work = drafter(Deaf(ModelUnavailable("gone")), Log())
        return work, await work.prove([THEOREM, replace(THEOREM, name="u", start=37)])

    work, (first, second) = asyncio.run(run())
    assert (first.stop, first.detail) == (StopReason.MODEL_FAILED, "gone")
    assert second.stop is StopReason.INTERRUPTED
    assert isinstance(work.fault, ModelUnavailable)


def test_cancelled_it_records_what_was_begun():
    log = Log()

    async def run():
        author = Deaf()
        task = asyncio.create_task(drafter(author, log).prove([THEOREM]))
        await author.asked.wait()
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(run())
    assert log.calls == [("start", "t"), ("finish", "t", StopReason.INTERRUPTED)]


def test_a_draft_that_was_right_before_goes_first_and_wrong_ones_are_not_tried():
    wrong = Step("simp", 1.0, Rejected("no progress"))
    told_before = [
        Expansion(STATE, (wrong,), 0.5), Expansion(STATE, (Step("rfl", 1.0, Advanced(())),), 0.5),
    ]  # fmt: skip
    start = SOURCE.index("sorry")
    theorem = replace(THEOREM, start=start, stop=start + 5)

    async def run(told, deaf, judge):
        work = drafter(deaf, Log(), judge)
        return await work.prove([theorem], recall=lambda theorem: told)

    judge = Judge()
    (attempt,) = asyncio.run(run(told_before, Deaf(ModelUnavailable("asked")), judge))
    assert attempt.is_proved
    assert judge.asked == ["t"]
    given = FixedDrafts(ScriptedPolicy({}, [Proposal("simp", 1.0)]))
    (attempt,) = asyncio.run(run(told_before[:1], given, Judge()))
    assert attempt.stop is StopReason.DEAD_END
