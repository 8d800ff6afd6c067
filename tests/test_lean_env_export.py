"""What a verdict rests on, written down: read back by a reader and by a kernel of its own."""

import asyncio
import hashlib
import json
import sys
from pathlib import Path

import pytest
from lakatos.data.errors import EnvironmentFault, UsageError
from lakatos.data.records import Accepted, Refusal, RefusalKind, Refused
from lakatos.lean_env.pool import LeanPool
from lakatos.lean_env.verification.export import ExportOrigin, file_names, new_export
from lakatos.lean_env.verification.judge import Judged
from lakatos.lean_env.verification.kernels import find_kernel
from lakatos.lean_env.verification.second_opinion import SecondOpinion
from lakatos.lean_env.verification.verifier import Verifier
from lakatos.tests import export_reader

EXAM = Path(__file__).parent / "exam"
HONEST = sorted(folder.name for folder in EXAM.iterdir() if folder.name.startswith("honest_"))
REREAD = Path(__file__).with_name("reread.lean").read_text(encoding="utf-8")
ORIGIN = ExportOrigin("0.1.0", "4.28.0", "embedded", {"submission": {"path": "a.lean"}})
lean = pytest.mark.lean

ALL_KINDS = """\
inductive Tree (α : Type u) | node : List (Tree α) → α → Tree α
def Tree.size {α : Type u} [BEq α] ⦃t : Tree α⦄ : Nat := match t with | .node l _ => l.length
mutual
inductive Even : Nat → Prop | zero : Even 0 | succ : Odd n → Even (n + 1)
inductive Odd : Nat → Prop | succ : Even n → Odd (n + 1)
end
structure Point where
  x : Nat
  y : Nat := 2 ^ 70
opaque secret : { n : Nat // n < 5 } := ⟨3, by decide⟩
axiom shown : secret.val = 3
theorem nested {α : Type u} [BEq α] (t : Tree α) : Tree.size (t := t) = Tree.size (t := t) := rfl
theorem mutually : Even 2 := .succ (.succ .zero)
theorem projected (p : Point) : p = ⟨p.x, p.y⟩ := rfl
theorem opaquely : secret.val < 5 := secret.property
theorem by_axiom : secret.val = 3 ∨ False := .inl shown
theorem quotients (a b : Nat) (h : a = b) : Quot.mk (· = ·) a = Quot.mk (· = ·) b := Quot.sound h
theorem numbers : 123456789012345678901234567890 + 1 = 123456789012345678901234567891 := by decide
theorem texts : "aλ𝔸\\n\\"\\\\".length = 6 := by decide
theorem «odd name/.» (p q : Prop) (h : p ∧ q) : q ∧ p := by grind
theorem arithmetic (a b : Nat) (h : a ≤ b) : a < b + 1 := by omega
example : let x := 1; have y := 2; x < y := by decide
private theorem hidden : 1 + 1 = 2 := rfl
"""


@pytest.fixture(scope="module")
def runner():
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def pool(runner, toolchain):
    async def make():
        return LeanPool(toolchain, workers=1)

    pool = runner.run(make())
    yield pool
    runner.run(pool.close())


@pytest.fixture(scope="module")
def verifier(runner, toolchain, pool):
    verifier = Verifier(
        pool, toolchain, allow_axioms=("propext", "Quot.sound", "Classical.choice", "shown")
    )
    yield verifier
    runner.run(verifier.close())


async def compared(verifier, second, original, submission):
    async with second:
        return dict(await verifier.compare(original, submission, review=second))


def opinion(folder, **options):
    return SecondOpinion(
        ORIGIN, folder, allow=("propext", "Quot.sound", "Classical.choice", "shown"), **options
    )


def expect_true(folder, verdicts):
    """The manifest and the files of a folder say the same, and what the verdicts say."""
    told = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert told["format"] == {"name": "lean4export", "version": "3.1.0"}
    assert [each["theorem"] for each in told["theorems"]] == [
        name for name, verdict in verdicts.items() if isinstance(verdict, Accepted)
    ]
    files = {path.name for path in folder.iterdir()}
    assert files == {"manifest.json", *(each["file"] for each in told["theorems"])}
    for each in told["theorems"]:
        place = folder / each["file"]
        assert hashlib.sha256(place.read_bytes()).hexdigest() == each["sha256"]
        assert place.stat().st_size == each["bytes"]
        export = export_reader.read(place)
        assert len(export.constants) == each["constants"]
        assert len(export.axioms) == len(each["axioms"]) + len(each["exported_as_axioms"])
        assert tuple(each["axioms"]) == verdicts[each["theorem"]].axioms
        last = [*export.constants][-1]
        assert export_reader.spelt(last) == each["constant"].replace("«", "").replace("»", "")
        assert export.constants[last][0] in ("thm", "def", "opaque")
    return told


@lean
@pytest.mark.parametrize("case", HONEST)
def test_the_export_of_what_is_accepted_is_read_back(case, runner, pool, verifier, tmp_path):
    original = (EXAM / case / "original.lean").read_text(encoding="utf-8")
    wanted = json.loads((EXAM / case / "expect.json").read_text(encoding="utf-8"))

    async def submission():
        if (EXAM / case / "submission.lean").exists():
            return (EXAM / case / "submission.lean").read_text(encoding="utf-8")
        opened = await pool.open("f.lean", original)
        hole = next(hole for hole in opened.theorems if hole.name == wanted["theorem"])
        proof = (EXAM / case / "proof.txt").read_text(encoding="utf-8")
        return (await verifier.verify(hole, proof)).source

    async def judged():
        return await compared(verifier, opinion(tmp_path), original, await submission())

    verdicts = runner.run(judged())
    if any(isinstance(verdict, Accepted) for verdict in verdicts.values()):
        expect_true(tmp_path, verdicts)
    else:
        assert not [*tmp_path.iterdir()]
        kinds = {reason.kind for verdict in verdicts.values() for reason in verdict.reasons}
        assert kinds == {RefusalKind.SORRY}, "not only another hole that is open"


@lean
def test_a_kernel_takes_exports_of_every_kind_into_an_empty_environment(
    runner, pool, verifier, tmp_path
):
    verdicts = runner.run(compared(verifier, opinion(tmp_path), ALL_KINDS, ALL_KINDS))
    assert all(isinstance(verdict, Accepted) for verdict in verdicts.values()), verdicts
    told = expect_true(tmp_path, verdicts)
    files = {each["theorem"]: each["file"] for each in told["theorems"]}
    assert files["«odd name/.»"] == "odd_name_..ndjson"
    tree = export_reader.read(tmp_path / files["nested"])
    assert tree.constants[("Tree",)][1]["numNested"] == 1
    assert ("Tree", "rec_1") in tree.constants
    binders = {value["binderInfo"] for word, value in tree.exprs if word == "forallE"}
    assert binders == export_reader.BINDER_INFOS
    asked = REREAD
    for each in told["theorems"]:
        text = (tmp_path / each["file"]).read_text(encoding="utf-8")
        literal = text.replace("\\", "\\\\").replace('"', '\\"')
        asked += f'run_meta reread "{literal}"\n'
    opened = runner.run(pool.open("reread.lean", asked))
    said = [(message.severity, message.text) for message in opened.messages]
    assert all(text.startswith("the kernel accepts ") for _, text in said), said
    assert len(said) == len(verdicts)


@lean
def test_a_refused_theorem_is_not_exported(runner, verifier, tmp_path):
    folder = tmp_path / "out"
    second = opinion(folder)
    source = "theorem good : True := trivial\ntheorem bad : 1 = 2 := by sorry\n"
    verdicts = runner.run(compared(verifier, second, source, source))
    assert [each["theorem"] for each in expect_true(folder, verdicts)["theorems"]] == ["good"]
    assert second.report_lines([*verdicts.items()])[1] == "not exported: bad, it is refused"
    folder = tmp_path / "none"
    bad = "theorem bad : 1 = 2 := by sorry\n"
    runner.run(compared(verifier, opinion(folder), bad, bad))
    assert not folder.exists()


@lean
def test_a_kernel_that_refuses_has_both_texts_told(runner, verifier, tmp_path):
    program = tmp_path / "checker"
    reader = Path(export_reader.__file__)
    program.write_text(
        f'#!/bin/sh\nif grep -q \'"str":"unloved"\' "$1"; then echo no love; exit 1; fi\n'
        f'exec "{sys.executable}" "{reader}" "$1"\n'
    )
    program.chmod(0o755)
    source = "theorem loved : True := trivial\ntheorem unloved : True := trivial\n"
    second = opinion(None, kernel=find_kernel(str(program)))
    verdicts = runner.run(compared(verifier, second, source, source))
    assert isinstance(verdicts["loved"], Accepted)
    text = "the kernel of Lean 4.28.0 accepts it, axioms: none; checker refuses it: no love"
    assert verdicts["unloved"] == Refused((Refusal(RefusalKind.KERNEL, text),))


class Pages:
    """A judge that has pages of a theorem that rests on these axioms."""

    def __init__(self, axioms=(), refusal=None, pages=1):
        self._axioms, self._refusal, self._pages = axioms, refusal, pages

    async def export_page(self, judged, page):
        return self._refusal or {
            "text": f"{{{page}}}\n", "pages": self._pages, "constants": 1, "githash": "",
            "axioms": [*self._axioms], "unproved": [], "permitted": [], "constant": judged.target,
        }  # fmt: skip


def accepted(name="t"):
    return Judged(name, name, Accepted(), 1)


def test_an_axiom_that_only_the_export_has_refuses(tmp_path):
    second = opinion(tmp_path)
    (judged,) = asyncio.run(second(Pages(["cheat"]), [accepted()]))
    assert "cheat" in judged.verdict.reasons[0].text
    assert judged.verdict.reasons[0].kind is RefusalKind.AXIOM
    assert [*tmp_path.iterdir()] == []


def test_pages_are_joined_in_order(tmp_path):
    asyncio.run(opinion(tmp_path)(Pages(pages=3), [accepted()]))
    head, rest = (tmp_path / "t.ndjson").read_text().split("\n", 1)
    assert json.loads(head) == ORIGIN.head("")
    assert rest == "{0}\n{1}\n{2}\n"
    (told,) = json.loads((tmp_path / "manifest.json").read_text())["theorems"]
    assert told["sha256"] == hashlib.sha256((tmp_path / "t.ndjson").read_bytes()).hexdigest()


def test_an_export_that_cannot_be_had_is_a_fault(tmp_path):
    limit = Refusal(RefusalKind.LIMIT, "the check (ndjson) took longer than 60 s")
    with pytest.raises(EnvironmentFault, match=r"t cannot be exported: the check .* 60 s"):
        asyncio.run(opinion(tmp_path)(Pages(refusal=limit), [accepted()]))
    assert [*tmp_path.iterdir()] == []


def test_a_folder_with_files_is_left_alone(tmp_path):
    (tmp_path / "mine").write_text("")
    with pytest.raises(UsageError, match="has files already"), new_export(tmp_path):
        pass
    with pytest.raises(UsageError, match="cannot be written"), new_export(tmp_path / "mine"):
        pass
    with pytest.raises(UsageError, match="cannot be written"), new_export(Path("/proc/none")):
        pass
    with new_export(tmp_path / "new" / "folder"):
        assert (tmp_path / "new" / "folder").is_dir()
    assert not (tmp_path / "new" / "folder").exists()


def test_a_full_disk_is_one_line(tmp_path):
    gone = tmp_path / "gone"
    with pytest.raises(UsageError, match="gone: cannot be written"):
        asyncio.run(opinion(gone)(Pages(), [accepted()]))


def test_file_names_are_safe_and_none_twice():
    names = ["a", "A", "../x", "a/b", "a?b", "«»", "x" * 300, "é" * 300, "", "example@3"]
    made = file_names(names)
    assert len({name.casefold() for name in made}) == len(names)
    assert all("/" not in name and not name.startswith(".") for name in made)
    assert all(len(name.encode()) < 256 for name in made)
    assert made[-1] == "example@3.ndjson"
