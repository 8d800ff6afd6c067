"""From words to policies: specifications, mixtures, scripts, and models end to end."""

import asyncio
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from lakatos.data.errors import ModelUnavailable, UsageError
from lakatos.data.records import Goal, Hypothesis, ProofState, Theorem
from lakatos.prover.config import ModelConfig
from lakatos.prover.hammer.policy import Hammer
from lakatos.prover.learning.ordering import LearnedPriors
from lakatos.prover.models.server_watch import Servers
from lakatos.prover.policy.base import PolicyOutput, Proposal, Query
from lakatos.prover.policy.critic import ConstantCritic
from lakatos.prover.policy.mixture import CriticPolicy, Mixture
from lakatos.prover.policy.scripted import ScriptedPolicy, read_script
from lakatos.prover.policy_setup import open_policy, suited
from lakatos.prover.policy_spec import (
    HammerSpec,
    OpenAISpec,
    ScriptedSpec,
    TransformersSpec,
    parse_policy,
)

from .fake_openai import Server, answer, refuse

EXAMPLES = Path(__file__).parents[1] / "examples"
lean = pytest.mark.lean

STATE = ProofState("k", (Goal("q ∧ p", (Hypothesis("h", "p ∧ q"),)),))
QUERY = Query(Theorem("t", "", "t.lean", 0, 0, 1, 0, "tactic", STATE), STATE)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("hammer", [(HammerSpec(), 1.0)]),
        ("hf:org/name", [(TransformersSpec("org/name"), 1.0)]),
        ("scripted:a+b.jsonl", [(ScriptedSpec("a+b.jsonl"), 1.0)]),
        ("hammer+hf:./a+b", [(HammerSpec(), 1.0), (TransformersSpec("./a+b"), 1.0)]),
        (
            "0.3*hammer+0.7*openai:m@http://h:1/v1",
            [(HammerSpec(), 0.3), (OpenAISpec("m", ("http://h:1/v1",)), 0.7)],
        ),
        (
            "2*hf:a+hf:b+hammer",
            [(TransformersSpec("a"), 2.0), (TransformersSpec("b"), 1.0), (HammerSpec(), 1.0)],
        ),
    ],
)
def test_specifications(spec, expected):
    assert parse_policy(spec).parts == tuple(expected)


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("hamer", "did you mean hammer"),
        ("hamer+hf:x", "did you mean hammer"),
        ("openia:m@http://h", "did you mean openai:MODEL@URL"),
        ("zzz", "there is: hammer, knn, scripted:FILE, sketch:FILE, hf:NAME"),
        ("", "there is: hammer"),
        ("hf:", "no policy 'hf:'"),
        ("0*hammer", "above 0"),
        ("hammer+vllm:x", "vllm serve x, then --policy openai:x@http://localhost:8000/v1"),
        ("1.2.3*hammer", "no share of a policy"),
    ],
)
def test_a_wrong_specification_names_the_choices(spec, says):
    with pytest.raises(UsageError, match=says):
        parse_policy(spec)


@pytest.mark.parametrize(
    ("spec", "prompt", "expected"),
    [
        ("hammer", None, ("htps", 2)),
        ("hf:bfs-prover", None, ("htps", 2)),
        ("hf:kimina-prover-7b", None, ("whole-proof", 16)),
        ("openai:kimina@http://h", "chat", ("htps", 2)),
        ("hf:x", "deepseek-prover", ("whole-proof", 16)),
        ("hammer+hf:kimina", None, ("htps", 2)),
    ],
)
def test_whole_proofs_are_sampled(spec, prompt, expected):
    assert suited(parse_policy(spec), ModelConfig(prompt=prompt)) == expected


def opened(spec, config=None, **changes):
    """What the policy answers to one query."""

    async def run():
        async with open_policy(spec, config or ModelConfig(), **changes) as policy:
            return policy, (await policy.propose([QUERY]))[0]

    return asyncio.run(run())


@pytest.fixture
def script(tmp_path):
    def write(*rows):
        lines = (row if isinstance(row, str) else json.dumps(row) for row in rows)
        (tmp_path / "s.jsonl").write_text("\n".join(lines), encoding="utf-8")
        return tmp_path / "s.jsonl"

    return write


@pytest.mark.parametrize("state", ["k", "h : p ∧ q\n⊢ q ∧ p"])
def test_a_script_is_read_by_key_or_text(script, state):
    path = script(
        {"tactics": ["default"]}, {"state": state, "tactics": ["a", ["b", 0.25], "c"]}, ""
    )
    _, found = opened(f"scripted:{path}")
    assert found.proposals == (Proposal("a", 1.0), Proposal("b", 0.25), Proposal("c", 1 / 3))
    other = Query(QUERY.theorem, ProofState("other"))
    assert asyncio.run(read_script(path).propose([other])) == [
        PolicyOutput((Proposal("default", 1.0),))
    ]


def test_a_state_may_have_nothing(script):
    _, found = opened(f"scripted:{script({'tactics': ['x']}, {'state': 'k', 'tactics': []})}")
    assert found.proposals == ()


@pytest.mark.parametrize(
    "row", ["{", "[]", '{"tactics": 1}', '{"tactics": [["a", 2]]}', '{"tactics": [{}]}', "{}"]
)
def test_a_wrong_line_of_a_script_is_located(script, row):
    path = script({"tactics": ["a"]}, row)
    with pytest.raises(UsageError, match=r"s\.jsonl:2: not a line"):
        read_script(path)


def test_a_missing_script_is_one_line():
    with pytest.raises(UsageError, match=r"nowhere\.jsonl: no such file"):
        read_script(Path("nowhere.jsonl"))


def test_a_mixture_shares_the_mass():
    one = ScriptedPolicy({}, [Proposal("a", 0.5), Proposal("b", 0.5)])
    two = ScriptedPolicy({}, [Proposal("b", 0.1), Proposal("c", 0.3)])
    mixture = Mixture([(one, 1.0), (two, 3.0)])
    found = asyncio.run(mixture.propose([QUERY, QUERY]))
    assert found[0] == found[1]
    assert {p.tactic: p.prior for p in found[0].proposals} == pytest.approx(
        {"c": 9 / 16, "b": 5 / 16, "a": 2 / 16}
    )


class Told:
    """Always the same advice."""

    name = "told"

    def __init__(self, advice):
        self.advice = advice

    async def propose(self, queries):
        return [self.advice for _ in queries]


def test_a_mixture_adds_tokens_and_takes_the_first_value():
    parts = [
        (Told(PolicyOutput((), None, 3)), 1.0),
        (Told(PolicyOutput((Proposal("x", 1.0),), 0.2, 4)), 1.0),
    ]
    (found,) = asyncio.run(Mixture(parts).propose([QUERY]))
    assert found == PolicyOutput((Proposal("x", 1.0),), 0.2, 7)


def test_a_critic_judges_instead_of_the_policy():
    policy = CriticPolicy(Told(PolicyOutput((Proposal("x", 1.0),), 0.2, 4)), ConstantCritic(0.9))
    assert asyncio.run(policy.propose([QUERY])) == [PolicyOutput((Proposal("x", 1.0),), 0.9, 4)]


def test_an_error_of_policy_or_critic_is_raised_as_itself():
    class Gone(ConstantCritic):
        async def value(self, queries):
            raise ModelUnavailable("gone")

    with pytest.raises(ModelUnavailable, match="gone"):
        asyncio.run(CriticPolicy(Told(PolicyOutput()), Gone()).propose([QUERY]))


def test_the_hammer_needs_no_model():
    policy, found = opened("hammer")
    assert isinstance(policy, Hammer)
    assert found.value is None
    learned, ranked = opened("hammer", ModelConfig(priors="shipped"))
    assert isinstance(learned, LearnedPriors)
    assert {p.tactic for p in ranked.proposals} == {p.tactic for p in found.proposals}
    _, judged = opened("hammer", ModelConfig(critic="constant"))
    assert (judged.value, judged.proposals) == (0.5, found.proposals)


def test_a_server_is_asked_as_told():
    with Server(answer("simp", "```lean\nomega\n```", log_probs=[-1.0, -3.0])) as server:
        config = ModelConfig(
            samples=2, temperature=0.7, options={"top_p": "0.9", "max_tokens": "33", "tries": "1"}
        )
        policy, found = opened(f"openai:m@{server.url}", config, seed=4, servers=Servers("k"))
    assert policy.name == f"openai:m@{server.url}"
    assert [p.tactic for p in found.proposals] == ["simp", "omega"]
    assert found.value == pytest.approx(0.36787944)
    ((_, body),) = server.posts
    wanted = {"temperature": 0.7, "top_p": 0.9, "max_tokens": 33, "n": 2, "seed": 4, "model": "m"}
    assert {name: body[name] for name in wanted} == wanted


@pytest.mark.parametrize(
    ("spec", "options", "says"),
    [
        ("openai:m", {}, "names no server; write it as openai:"),
        ("openai:m@http://h", {"tri": "1"}, "openai has no option tri; did you mean tries"),
        ("openai:m@http://h", {"tries": "many"}, "option tries must be int, not 'many'"),
        ("openai:m@http://h", {"top_p": "2"}, r"top_p must lie in \(0, 1\]"),
        ("openai:m@http://h", {"beam": "perhaps"}, "option beam must be bool"),
        ("openai:m@http://h", {"max_tokens": "-1"}, "max_tokens must be at least 1"),
        ("hammer", {"top_p": "1"}, "no model has the option top_p"),
        ("hf:x", {"dtyp": "bfloat16"}, "hf has no option dtyp; did you mean dtype"),
    ],
)
def test_wrong_options_are_one_line(spec, options, says):
    with pytest.raises(UsageError, match=says):
        opened(spec, ModelConfig(options=options))


def test_senseless_dials_are_refused():
    for wrong in ({"samples": 0}, {"temperature": 0.0}, {"critic": "me"}):
        with pytest.raises(UsageError):
            ModelConfig(**wrong)


@pytest.fixture
def run(run, tmp_path):
    """The same, with a file of the examples in the folder."""
    shutil.copy(EXAMPLES / "logic.lean", tmp_path / "logic.lean")
    return run


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--policy", "hamer"], "no policy 'hamer'; did you mean hammer?"),
        (["--policy", "openai:m"], "names no server"),
        (["--policy", "hf:x", "--prompt", "bfs"], "did you mean bfs-prover?"),
        (["--model-option", "top_p"], "not key=value: 'top_p'"),
        (["--samples", "0"], "samples must be at least 1"),
        (["--tokens", "0"], "tokens must be at least 1"),
        (["--granularity", "2"], "search htps has no granularity"),
        (["--critic", "you"], "no critic 'you'"),
    ],
)
def test_a_wrong_use_is_one_line_and_exit_2(run, arguments, line):
    code, out, error = run("prove", "logic.lean", *arguments)
    assert (code, out, len(error)) == (2, "", 1)
    assert error[0].startswith("lakatos: ")
    assert line in error[0]


@pytest.mark.slow
def test_without_the_extra_one_line_says_what_to_install(tmp_path):
    (tmp_path / "f.lean").write_text("example : True := by sorry\n")
    code = (
        "import sys; sys.modules['openai'] = None; from lakatos.cli import main; sys.exit(main())"
    )
    arguments = ["prove", "f.lean", "--db", "a.db", "--policy", "openai:m@http://127.0.0.1:1"]
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    line = "lakatos: openai:m needs openai: pip install 'lakatos[llm]'"
    assert done.stderr.splitlines() == [line]  # and Lean was not set up for it


def test_a_wrong_key_and_a_dead_server_are_one_line(run, monkeypatch):
    with Server(key="right") as server:
        arguments = ["prove", "logic.lean", "--policy", f"openai:m@{server.url}"]
        monkeypatch.setenv("OPENAI_API_KEY", "wrong")
        code, out, error = run(*arguments)
        assert (code, out, len(error)) == (2, "", 1)
        assert "refuses the key: set OPENAI_API_KEY" in error[0]
    code, out, error = run(*arguments, "--model-option", "tries=1")
    assert (code, out, len(error)) == (3, "", 1)
    assert server.url in error[0]


def test_a_typo_in_a_model_name_is_one_line(run):
    with Server(default=refuse(404, "no such model"), models=["qwen3-8b"]) as server:
        code, out, error = run("prove", "logic.lean", "--policy", f"openai:qwen8b@{server.url}")
    assert (code, out) == (2, "")
    assert error == [f"lakatos: {server.url} has no model qwen8b; it has: qwen3-8b"]


TACTICS = ["simp_all", "intro h", "grind", "constructor", "exact ⟨h.2, h.1⟩", "assumption"]


@lean
def test_a_script_proves_examples(run, script):
    path = script({"tactics": TACTICS})
    code, out, error = run("prove", "logic.lean", "--policy", f"scripted:{path}", "--theorem",
                           "swap_and", "--theorem", "contraposition")  # fmt: skip
    assert (code, error) == (0, [])
    assert "2 of 2 proved" in out


@lean
def test_a_server_proves_examples(run):
    with Server(default=answer(*(f"```lean\n{tactic}\n```" for tactic in TACTICS))) as server:
        spec = f"openai:m@{server.url}"
        code, out, error = run("prove", "logic.lean", "--policy", spec, "--samples", "6",
                               "--theorem", "swap_and", "--theorem", "contraposition")  # fmt: skip
        assert (code, error) == (0, [])
        assert "2 of 2 proved" in out
        asked = len(server.posts)
        assert run("prove", "logic.lean", "--policy", spec, "--resume",
                   "--theorem", "swap_and")[0] == 0  # fmt: skip
        assert len(server.posts) == asked


WHOLE = """I think about it.</think>
```lean4
theorem swap_and (p q : Prop) : p ∧ q → q ∧ p := by
  intro h
  obtain ⟨hp, hq⟩ := h
  exact ⟨hq, hp⟩
```"""


@lean
@pytest.mark.parametrize("search", ["whole-proof", "rmax"])
def test_whole_proofs_are_raced(run, search):
    with Server(default=answer("```lean4\nby omega\n```", "nothing", WHOLE)) as server:
        spec = f"openai:kimina-prover@{server.url}"
        code, out, _ = run("prove", "logic.lean", "--policy", spec, "--samples", "9",
                           "--search", search, "--theorem", "swap_and", "--json")  # fmt: skip
    assert code == 0
    assert json.loads(out)["proof"].count("obtain") == 1
    assert [body["n"] for _, body in server.posts if body["max_tokens"] > 1] == [9]


@lean
def test_a_server_that_dies_mid_run_loses_nothing_proved(run, tmp_path):
    """It answers for the first theorem, and is gone before the second."""
    before = (tmp_path / "logic.lean").read_text()
    good = answer("```lean\nsimp_all\n```")
    with Server(good, default=refuse(503, "gone")) as server:
        spec = f"openai:m@{server.url}"
        given_up = ["--model-option", "tries=1", "--model-option", "patience_s=0"]
        options = [*given_up, "--concurrency", "1", "--write"]
        code, out, error = run("prove", "logic.lean", "--policy", spec, *options)
    assert code == 3
    assert error[0] == "server: HTTP 503: gone, given up"
    assert error[-1] == f"lakatos: {spec}: HTTP 503: gone (tries: 1)"
    assert "1 of 9 proved" in out
    assert out.count("model failed") == 2  # as it ends, and in the table
    written = (tmp_path / "logic.lean").read_text()
    assert before.count("sorry") - written.count("sorry") == 1
    _, out, _ = run("show")
    assert [out.count(word) for word in ("proved", "interrupted")] == [1, 7]


@lean
def test_a_key_revoked_mid_run_is_one_line(run):
    good = answer("```lean\nsimp_all\n```")
    with Server(good, default=refuse(401, "revoked")) as server:
        spec = f"openai:m@{server.url}"
        code, out, error = run("prove", "logic.lean", "--policy", spec, "--concurrency", "1")
    assert code == 2
    assert len(error) == 1
    assert "wants a key" in error[0]
    assert "1 of 9 proved" in out


@lean
def test_a_mixture_proves_what_the_model_cannot(run):
    with Server(default=answer("nonsense")) as server:
        spec = f"0.5*hammer+0.5*openai:m@{server.url}"
        code, out, _ = run("prove", "logic.lean", "--policy", spec, "--theorem", "barber")
    assert code == 0
    assert "barber  proved" in out


def taught(tactic, folder):
    """A tiny model that answers this tactic to any prompt, of real training."""
    torch = pytest.importorskip("torch")
    from .tiny_models import letters, llama, saved

    tokenizer, model = letters(), llama(spread=1.0)
    end = tokenizer.eos_token_id
    answers = torch.tensor([*tokenizer(f":::{tactic}")["input_ids"], end])
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    draw = torch.Generator().manual_seed(0)
    for _ in range(80):
        prompts = torch.randint(1, len(tokenizer), (8, 40), generator=draw)
        tokens = torch.cat([prompts, answers.expand(8, -1)], dim=1)
        labels = tokens.clone()
        labels[:, :43] = -100
        loss = model(input_ids=tokens, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return saved(model, tokenizer, folder)


@lean
def test_a_model_in_this_process_proves_examples(run, tmp_path):
    folder = taught("grind", tmp_path / "tiny")
    code, out, error = run("prove", "logic.lean", "--policy", f"hf:{folder}", "--prompt",
                           "bfs-prover", "--samples", "4", "--model-option", "max_tokens=12",
                           "--theorem", "swap_and", "--theorem", "contraposition")  # fmt: skip
    assert code == 0, (out, error)
    assert "2 of 2 proved" in out
    assert out.count("grind") >= 2
