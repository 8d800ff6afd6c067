"""Options of the command line that several verbs share, in groups.

Only words are here: run_options.py makes configurations of them.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

Seconds = Annotated[float, Option("--time", help="Seconds for one theorem.")]
Axioms = Annotated[list[str] | None, Option(metavar="NAME", help="An axiom allowed as well.")]
CheckTimeOption = Annotated[
    float | None,
    Option(
        metavar="SECONDS",
        help="For the check of one proof or file; default: 60, and 30 more for each 1,000 bytes.",
    ),
]
Markdown = Annotated[bool, Option("--markdown", help="Print Markdown, for a README.")]
Json = Annotated[bool, Option("--json", help="Print JSON, an object a line (docs/json.md).")]
Db = Annotated[
    str | None,
    Option(
        metavar="PATH|URL",
        help="Database of results, a file or a URL; default: $LAKATOS_DB, else your own.",
    ),
]
Depth = Annotated[
    int, Option(help="How far around an error to prove anew: this many steps outwards.")
]


@dataclass(frozen=True)
class InputOptions:
    """Lean files, and where their proofs go."""

    files: Annotated[
        list[str],
        Argument(metavar="FILE", help="Lean files, folders, patterns; - is standard input."),
    ]
    theorem: Annotated[list[str] | None, Option(metavar="NAME", help="Only this one.")] = None
    write: Annotated[bool, Option("--write", help="Put the proofs into the files.")] = False
    out: Annotated[
        str | None,
        Option(metavar="FILE", help="Write the proved file there; - is standard output."),
    ] = None
    as_json: Json = False


@dataclass(frozen=True)
class ProblemOptions:
    """A problem set, and what of it."""

    problem_set: Annotated[
        str | None, Argument(metavar="NAME", help="What the set is called: minif2f.")
    ] = None
    data: Annotated[
        Path | None,
        Option(metavar="PATH", help="Where it is: a folder, a Lean file, JSON or JSON lines."),
    ] = None
    split: Annotated[str | None, Option(metavar="NAME", help="valid, test, ...")] = None
    name: Annotated[
        list[str] | None, Option(metavar="GLOB|/REGEX/", help="Only names that fit.")
    ] = None
    core: Annotated[
        bool, Option("--core", help="Only what elaborates; without Mathlib, ℕ ℤ ℚ are core's.")
    ] = False
    part: Annotated[
        str | None,
        Option(
            "--slice",
            metavar="N|A:B",
            help="The first N, or from A up to before B, counted from 0: 20, 40:60.",
        ),
    ] = None
    shard: Annotated[
        str | None,
        Option(
            metavar="I/N",
            help="Part I of N, counted from 1: 1/8 takes the 1st, 9th, 17th, ... problem.",
        ),
    ] = None
    header: Annotated[
        Path | None, Option(metavar="FILE", help="In the place of imports, opens and options.")
    ] = None


@dataclass(frozen=True)
class AttemptOptions:
    """How often problems are attempted, what is done again, and what is told."""

    pass_at: Annotated[
        int, Option("-k", "--pass-at", metavar="K", help="Attempts at a theorem, for pass@K.")
    ] = 1
    all_attempts: Annotated[
        bool, Option("--all-attempts", help="Go on after the first proof, for pass@k.")
    ] = False
    resume: Annotated[
        bool,
        Option(
            "--resume",
            help="Go on with the newest run of the same problems and options; where there is "
            "none, say what differs and stop.",
        ),
    ] = False
    run: Annotated[
        int | None,
        Option(
            metavar="N", help="Go on with run N; problems and options are taken from it: --run 38."
        ),
    ] = None
    retry: Annotated[
        list[str] | None,
        Option(
            metavar="CLASS", help="Try this class of the last run again: crash, model-failed, ..."
        ),
    ] = None
    max_errors: Annotated[
        int,
        Option(
            metavar="N",
            help="Stop the run after N attempts in a row under which the model failed: its server "
            "is away, or answers with nothing.",
        ),
    ] = 10
    check: Annotated[
        bool,
        Option(
            "--check",
            help="Try nothing: elaborate all statements, ask the model once, and say what the run "
            "would do and take at most.",
        ),
    ] = False
    cluster: Annotated[
        str | None,
        Option(metavar="ADDRESS", help="Work on a Ray cluster, workers for each node; or local."),
    ] = None
    quiet: Annotated[bool, Option("--quiet", "-q", help="Only the end.")] = False
    as_json: Json = False


@dataclass(frozen=True)
class LeanOptions:
    """Which Lean."""

    lean: Annotated[str, Option(metavar="auto|embedded|native", help="Which Lean to use.")] = "auto"
    project: Annotated[
        Path | None, Option(metavar="DIR", help="Lake project, for native Lean.")
    ] = None

    @property
    def words(self) -> dict[str, str | None]:
        """How it was chosen, whatever the folder that is worked in."""
        return {
            "lean": self.lean,
            "project": str(self.project.absolute()) if self.project else None,
        }


@dataclass(frozen=True)
class PolicyOptions:
    """Who proposes tactics, and how it is asked."""

    policy: Annotated[
        str,
        Option(
            metavar="SPEC",
            help="Who proposes tactics: hammer, scripted:FILE, sketch:FILE (your own drafts), "
            "hf:PATH_OR_NAME (a folder, a GGUF file, a name), openai:MODEL@URL "
            "(key: OPENAI_API_KEY), or a mixture, 0.3*hammer+0.7*hf:NAME.",
        ),
    ] = "hammer"
    prompt: Annotated[
        str | None,
        Option(
            metavar="NAME|FILE",
            help="Prompt format, or a file with one; default: by the model's name.",
        ),
    ] = None
    samples: Annotated[int, Option(help="Completions of a model for one state.")] = 16
    temperature: Annotated[float, Option(help="Sampling temperature of the model.")] = 1.0
    model_option: Annotated[
        list[str] | None,
        Option(
            metavar="K=V",
            help="An option of the model. Of sampling: top_p, max_tokens, beam, "
            "distinct_first; of a server: api, timeout_s, tries, patience_s, at_once; of hf: "
            "device (also several, cuda:0,cuda:1), dtype, revision, ...",
        ),
    ] = None
    critic: Annotated[
        str,
        Option(
            metavar="SPEC",
            help="Who judges states: own (the model's value head, else its mean "
            "log-probability), hf:PATH_OR_NAME, constant.",
        ),
    ] = "own"
    retriever: Annotated[
        str,
        Option(
            metavar="SPEC",
            help="Who chooses premises of the file and its imports for the prompts: bm25, by "
            "shared constants; hf:PATH_OR_NAME, an encoder of texts; none.",
        ),
    ] = "none"
    premises: Annotated[int, Option(help="Most premises of a prompt.")] = 16


@dataclass(frozen=True)
class DoctorOptions:
    """Which models doctor tries out."""

    policy: Annotated[
        str | None,
        Option(metavar="SPEC", help="Try its models out, one completion of each; else Lean."),
    ] = None
    model_option: Annotated[
        list[str] | None, Option(metavar="K=V", help="As of prove: timeout_s=5, device=cpu.")
    ] = None


@dataclass(frozen=True)
class BudgetOptions:
    """What one theorem may spend."""

    expansions: Annotated[int, Option(help="At most so many goals tried for one theorem.")] = 2000
    seconds: Seconds = 60.0
    steps: Annotated[int | None, Option(help="Tactics tried for one theorem.")] = None
    lean_time: Annotated[float | None, Option(help="Seconds in Lean for one theorem.")] = None
    tokens: Annotated[int | None, Option(help="Tokens a model may write for a theorem.")] = None
    concurrency: Annotated[int | None, Option(help="Theorems at once; default: workers.")] = None


@dataclass(frozen=True)
class SearchOptions:
    """Which search, and its numbers."""

    search: Annotated[
        str | None,
        Option(
            metavar="NAME",
            help="best-first: by log prior (BFS-Prover, arXiv:2502.03438); perspectives: four "
            "queues in turn (MPS-Prover, arXiv:2505.10962); mcts: PUCT (AlphaGo Zero); htps: "
            "regularised policy (arXiv:2205.11491); alphaproof: its published pseudocode; rmax: "
            "intrinsic reward (DeepSeek-Prover-V1.5, arXiv:2408.08152); whole-proof: samples, no "
            "tree. Default: htps; whole-proof where the policy writes whole proofs.",
        ),
    ] = None
    alpha: Annotated[
        float | None,
        Option(
            help="best-first, perspectives: score = log prior / length ** alpha, in [0, 1]; 0 is "
            "ReProver's cumulative log prior, 0.5 the default (BFS-Prover, arXiv:2502.03438)."
        ),
    ] = None
    exploration: Annotated[
        float | None,
        Option(
            help="mcts, htps: c of PUCT and of the regularised policy, default 1 "
            "(arXiv:2205.11491)."
        ),
    ] = None
    discount: Annotated[
        float | None,
        Option(
            help="mcts, htps, alphaproof: a state is worth this times its best tactic (defaults "
            "1, 0.99, 0.99; arXiv:2205.11491). rmax: rewards fade by it, 0.99 (arXiv:2408.08152)."
        ),
    ] = None
    flatten: Annotated[
        float | None,
        Option(help="alphaproof: priors to the power 1 / flatten, default 200 (its pseudocode)."),
    ] = None
    widening: Annotated[
        float | None,
        Option(
            help="alphaproof: expand a state again while expansions <= widening * visits ** 0.6, "
            "default 0.01; 0: never (its pseudocode)."
        ),
    ] = None
    sample_steps: Annotated[int, Option(help="rmax, whole-proof: most checks of one sample.")] = 32
    granularity: Annotated[
        int | None,
        Option(
            help="rmax, whole-proof: tactics of a proposed block in one check; 0: the whole. "
            "Defaults 1 and 0."
        ),
    ] = None


@dataclass(frozen=True)
class DraftOptions:
    """Whole proofs and sketches."""

    mode: Annotated[
        str,
        Option(
            metavar="auto|tactic|whole-proof|sketch",
            help="Search by tactics, or have a model write whole proofs, or sketches whose holes "
            "are searched (sketch:FILE is your own); auto: as the policy is.",
        ),
    ] = "auto"
    attempts: Annotated[int, Option(help="Whole proofs or sketches of one theorem.")] = 8
    turns: Annotated[
        int,
        Option(help="Rounds of one conversation; from the second on the model sees Lean's errors."),
    ] = 2
    repair_depth: Annotated[
        int,
        Option(
            help="Of one that fails: 0 leaves it, 1 cuts out and searches what is broken; each "
            "further one moves the cuts up once."
        ),
    ] = 1


@dataclass(frozen=True)
class RuntimeOptions:
    """Processes, chance, and where it is kept."""

    workers: Annotated[int | None, Option(min=1, help="Lean processes; default: cores.")] = None
    seed: Annotated[int, Option(help="Seed of the random numbers.")] = 0
    minimise: Annotated[
        str,
        Option(
            metavar="on|off",
            help="on: leave out of a found proof what it does not need, in at most 10 s beyond "
            "the budget; off: keep it as it was found.",
        ),
    ] = "on"
    keep_prompts: Annotated[
        bool,
        Option("--keep-prompts", help="Keep what a model is asked for tactics, and its answers."),
    ] = False
    db: Db = None
    allow_axiom: Axioms = None
    check_time: CheckTimeOption = None

    @property
    def hint(self) -> str:
        """What other commands on the same results need: ` --db FILE`, or nothing."""
        return f" --db {shlex.quote(self.db)}" if self.db else ""


@dataclass(frozen=True)
class FileVerbOptions:
    """What the verbs share that work on Lean files."""

    input: InputOptions
    runtime: RuntimeOptions
    lean: LeanOptions


@dataclass(frozen=True)
class ProvingOptions:
    """How theorems are proved: budget, search, drafts, disproofs."""

    budget: BudgetOptions = field(default_factory=BudgetOptions)
    search: SearchOptions = field(default_factory=SearchOptions)
    drafts: DraftOptions = field(default_factory=DraftOptions)
    refute: Annotated[float, Option(help="Share of the budget to search for disproofs.")] = 0.0
