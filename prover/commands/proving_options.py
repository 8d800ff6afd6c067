"""Options for how theorems are proved: policy and models, budget, search, drafts."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Annotated

from typer import Option

from .completion import MODES, POLICIES, PROMPTS, SEARCHES, one_of
from .help_page import BUDGET, COMMON, DRAFTS, MODEL, SEARCH
from .options import Seconds

_common = partial(Option, rich_help_panel=COMMON)
_budget = partial(Option, rich_help_panel=BUDGET)
_model = partial(Option, rich_help_panel=MODEL)
_search = partial(Option, rich_help_panel=SEARCH)
_drafts = partial(Option, rich_help_panel=DRAFTS)


@dataclass(frozen=True)
class PolicyOptions:
    """The policy that proposes tactics, and how its models are asked."""

    policy: Annotated[
        str,
        _common(
            metavar="SPEC",
            help="What proposes tactics. hammer: built-in rules, no model. hf:NAME: a model of "
            "transformers (a name, a folder or a GGUF file). openai:MODEL@URL: a server. "
            "scripted:FILE, sketch:FILE: your own tactics or drafts. Shares mix them: "
            "0.3*hammer+0.7*hf:NAME. See docs/policies.md.",
            autocompletion=one_of(*POLICIES),
        ),
    ] = "hammer"
    prompt: Annotated[
        str | None,
        _model(
            metavar="NAME|FILE",
            autocompletion=one_of(*PROMPTS),
            help="Prompt format: a name, or a file that defines one. Default: chosen by the "
            "model's name. Example: --prompt bfs-prover",
        ),
    ] = None
    samples: Annotated[
        int, _model(metavar="N", help="Completions that the model writes for one proof state.")
    ] = 16
    temperature: Annotated[
        float, _model(metavar="T", help="Sampling temperature of the model, above 0.")
    ] = 1.0
    model_option: Annotated[
        list[str] | None,
        _model(
            metavar="KEY=VALUE",
            help="A further option of the model; can be given several times. Sampling: top_p, "
            "max_tokens, beam, distinct_first. openai: api, timeout_s, tries, patience_s, "
            "at_once. hf: device, dtype, revision. Example: --model-option device=cuda:0,cuda:1",
        ),
    ] = None
    critic: Annotated[
        str,
        _model(
            metavar="SPEC",
            help="What estimates how likely a proof state is provable. own: the model's value "
            "head, or its mean log-probability. hf:NAME: another model. constant: nothing.",
            autocompletion=one_of("own", "constant", "hf:"),
        ),
    ] = "own"
    retriever: Annotated[
        str,
        _model(
            metavar="SPEC",
            help="What chooses premises of the file and its imports for the prompts. bm25: by "
            "shared constants. hf:NAME: by an encoder of texts. none: prompts have no premises.",
            autocompletion=one_of("none", "bm25", "hf:"),
        ),
    ] = "none"
    premises: Annotated[
        int, _model(metavar="N", help="The most premises in one prompt, with --retriever.")
    ] = 16
    priors: Annotated[
        str | None,
        _model(
            metavar="none|FILE",
            help="The order in which the hammer's tactics are tried. none: its own. shipped: by "
            "their success at other theorems. FILE: of `lakatos train priors`. random: any, to "
            "learn from. Default: none.",
            autocompletion=one_of("none", "shipped", "random"),
        ),
    ] = None
    memory: Annotated[
        str | None,
        _model(
            metavar="none|FILE",
            help="What knn remembers from the start. none: nothing. shipped: proofs of theorems of "
            "Lean's library. FILE: of `lakatos train memory`. Default: shipped.",
            autocompletion=one_of("none", "shipped"),
        ),
    ] = None


@dataclass(frozen=True)
class BudgetOptions:
    """What one theorem may spend."""

    expansions: Annotated[
        int, _budget(metavar="N", help="The most proof states to expand (try tactics at).")
    ] = 2000
    seconds: Seconds = 60.0
    steps: Annotated[
        int | None,
        _budget(metavar="N", help="The most tactics to try. Default: no limit. Example: 5000"),
    ] = None
    lean_time: Annotated[
        float | None,
        _budget(
            metavar="SECONDS",
            help="The most time inside Lean, summed over all workers. Default: no limit.",
        ),
    ] = None
    heartbeats: Annotated[
        str,
        _budget(
            metavar="N,N,...",
            help="Rising limits of one tactic, in thousands of Lean's heartbeats (maxHeartbeats). "
            "Each tactic is tried with the first limit. One that runs out of it is tried with the "
            "next when the search comes back to its proof state.",
        ),
    ] = "500,2000,8000,40000"
    tokens: Annotated[
        int | None,
        _budget(
            metavar="N",
            help="The most tokens that language models may write. Default: no limit. Example: "
            "100000",
        ),
    ] = None
    concurrency: Annotated[
        int | None,
        _budget(
            metavar="N",
            help="How many theorems are searched at the same time. Default: as many as --workers.",
        ),
    ] = None


@dataclass(frozen=True)
class SearchOptions:
    """Which search, and its numbers."""

    search: Annotated[
        str | None,
        _search(
            metavar="NAME",
            help="best-first: by log prior (BFS-Prover, arXiv:2502.03438). perspectives: four "
            "queues in turn (MPS-Prover, arXiv:2505.10962). mcts: PUCT (AlphaGo Zero). htps: "
            "regularised policy (arXiv:2205.11491). alphaproof: its published pseudocode. rmax: "
            "intrinsic reward (DeepSeek-Prover-V1.5, arXiv:2408.08152). whole-proof: samples, no "
            "tree. Default: htps, or whole-proof for a policy that writes whole proofs.",
            autocompletion=one_of(*SEARCHES),
        ),
    ] = None
    alpha: Annotated[
        float | None,
        _search(
            metavar="A",
            help="For best-first and perspectives: a state's score is its log prior divided by "
            "length ** A, with A from 0 to 1. 0 is ReProver's cumulative log prior. Default: 0.5.",
        ),
    ] = None
    exploration: Annotated[
        float | None,
        _search(
            metavar="C",
            help="For mcts and htps: weight of exploration, the c of PUCT. Default: 1.",
        ),
    ] = None
    discount: Annotated[
        float | None,
        _search(
            metavar="D",
            help="For mcts, htps, alphaproof and rmax: what one more step leaves of a value, from "
            "0 to 1. Default: 1 for mcts, else 0.99.",
        ),
    ] = None
    flatten: Annotated[
        float | None,
        _search(
            metavar="T",
            help="For alphaproof: raises priors to the power 1 / T, which makes them more alike. "
            "Default: 200.",
        ),
    ] = None
    widening: Annotated[
        float | None,
        _search(
            metavar="W",
            help="For alphaproof: asks again for tactics at a state while its expansions are at "
            "most W * visits ** 0.6. 0: never again. Default: 0.01.",
        ),
    ] = None
    sample_steps: Annotated[
        int,
        _search(metavar="N", help="For rmax and whole-proof: the most Lean checks of one sample."),
    ] = 32
    granularity: Annotated[
        int | None,
        _search(
            metavar="N",
            help="For rmax and whole-proof: tactics of a sample in one Lean check. 0: all of "
            "them. Default: 1 for rmax, 0 for whole-proof.",
        ),
    ] = None


@dataclass(frozen=True)
class DraftOptions:
    """Whole proofs and sketches."""

    mode: Annotated[
        str,
        _drafts(
            metavar="MODE",
            autocompletion=one_of(*MODES),
            help="tactic: search tactic by tactic. whole-proof: the model writes whole proofs. "
            "sketch: it writes proofs with holes (sorry), and the holes are searched. auto: what "
            "the policy is made for.",
        ),
    ] = "auto"
    attempts: Annotated[
        int, _drafts(metavar="N", help="Drafts (whole proofs or sketches) of one theorem.")
    ] = 8
    turns: Annotated[
        int,
        _drafts(
            metavar="N",
            help="Drafts in one conversation; every draft after the first is a reply to Lean's "
            "errors.",
        ),
    ] = 2
    repair_depth: Annotated[
        int,
        _drafts(
            metavar="N",
            help="What to do with a draft that Lean rejects. 0: give it up. 1: replace the "
            "failing steps by sorry, and search those. 2 and more: also widen what is replaced, "
            "N - 1 times.",
        ),
    ] = 1


@dataclass(frozen=True)
class ProvingOptions:
    """How theorems are proved: budget, search, drafts, disproofs."""

    budget: BudgetOptions = field(default_factory=BudgetOptions)
    search: SearchOptions = field(default_factory=SearchOptions)
    drafts: DraftOptions = field(default_factory=DraftOptions)
    refute: Annotated[
        float,
        _common(
            metavar="SHARE",
            help="Share of the budget, from 0 to below 1, in which disproofs are searched. A "
            "false theorem is then reported with a counterexample. Example: --refute 0.3",
        ),
    ] = 0.0
