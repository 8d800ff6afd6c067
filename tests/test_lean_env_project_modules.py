"""A project of several files on a machine without Lean: its modules are compiled and imported."""

import asyncio
import os

import pytest
from lakatos.data.errors import UsageError
from lakatos.data.records import Accepted, Advanced, RefusalKind
from lakatos.lean_env.pool import LeanPool
from lakatos.lean_env.verification.verifier import Verifier

from .test_lean_env_project import write

pytestmark = pytest.mark.lean

LAKEFILE = """
name = "shop"
[leanOptions]
autoImplicit = false
[[lean_lib]]
name = "Shop"
[[require]]
name = "mathlib"
"""
FILES = {
    "lakefile.toml": LAKEFILE,
    "Shop/Price.lean": """import Lean
namespace Shop
def price (n : Nat) : Nat := n + n
theorem price_eq (n : Nat) : price n = 2 * n := by unfold price; omega
theorem free : price 0 = 1 := by sorry
axiom cheap : price 1 = 0
register_simp_attr shop_simp
initialize sold : IO.Ref Nat ← IO.mkRef 3
syntax "sell" : tactic
macro_rules | `(tactic| sell) => `(tactic| (simp only [shop_simp]; try omega))
open Lean Elab Tactic in
elab "buy" : tactic => do evalTactic (← `(tactic| exact price_eq _))
end Shop
""",
    "Shop/Cart.lean": """/- A cart -/ import Shop.Price
namespace Shop
attribute [shop_simp] price_eq
structure Item where
  cost : Nat
  deriving DecidableEq, Repr
def Item.twice (i : Item) : Nat := price i.cost
end Shop
""",
    "Shop.lean": "import Shop.Cart\n",
}
MAIN = """import Shop
open Shop
theorem double (n : Nat) : price n = n * 2 := by
  sorry
theorem twice (i : Item) : i.twice = price i.cost := by
  sorry
"""


@pytest.fixture
def shop(tmp_path):
    return write(tmp_path / "shop", FILES)


def provided(toolchain, folder, source):
    """What is said of a source, and how many modules were compiled for it."""
    told = []
    said = toolchain.in_project(folder).modules.provide_now(source, lambda *each: told.append(each))
    return said, max((done for _, done, _ in told), default=0)


def in_pool(toolchain, folder, ask):
    async def work():
        there = toolchain.in_project(folder)
        async with LeanPool(there, workers=1) as pool, Verifier(pool, there) as verifier:
            return await ask(pool, verifier)

    return asyncio.run(work())


def test_theorems_about_other_modules_are_opened_tried_and_judged(toolchain, shop):
    async def ask(pool, verifier):
        opened = await pool.open("Main.lean", MAIN)
        assert [m for m in opened.messages if m.severity == "error"] == []
        double, twice = opened.theorems
        steps = await pool.apply(double.state, ["sell", "buy", "simp [shop_simp]; omega"])
        assert isinstance(steps[0].outcome, Advanced), steps[0]
        verdicts = [
            (await verifier.verify(theorem, proof)).verdict
            for theorem, proof in [(double, "sell"), (twice, "rfl"), (twice, "nonsense")]
        ]
        uses = "theorem t : price 0 = 1 := by sorry\ntheorem u : price 1 = 0 := by sorry\n"
        original = f"import Shop\nopen Shop\n{uses}"
        given = original.replace("by sorry", "by exact free", 1).replace(
            "by sorry", "by exact cheap"
        )
        return verdicts, await verifier.compare(original, given)

    (double, twice, wrong), compared = in_pool(toolchain, shop, ask)
    assert double == twice == Accepted(())
    assert not isinstance(wrong, Accepted)
    reasons = {name: verdict.reasons for name, verdict in compared}
    assert [(r.kind, r.text) for r in reasons["t"]] == [
        (RefusalKind.SORRY, "it rests on Shop.free, which contains a sorry")
    ]
    assert [(r.kind, r.text) for r in reasons["u"]] == [
        (
            RefusalKind.AXIOM,
            "it rests on the axiom Shop.cheap of Shop.Price, which is not allowed",
        )
    ]


def test_what_a_module_registers_and_initializes_is_there(toolchain, shop):
    source = (
        "import Shop\nopen Shop Lean\n"
        '#eval show CoreM Unit from do unless (← sold.get) == 3 do throwError "not set"\n'
        "#eval (Item.mk 3).twice\n#guard decide ((Item.mk 3) = Item.mk 3)\n"
        "def implicit (x : α) := x\n"
    )
    opened = in_pool(toolchain, shop, lambda pool, _: pool.open("T.lean", source))
    errors = [m for m in opened.messages if m.severity == "error"]
    assert len(errors) == 1, errors
    assert "`autoImplicit` option is set to `false`" in errors[0].text  # of the lakefile


def test_an_edit_costs_what_depends_on_it(toolchain, shop):
    mark = f"-- {os.urandom(8).hex()}\n"
    (shop / "Shop" / "Price.lean").write_text(FILES["Shop/Price.lean"] + mark)
    assert provided(toolchain, shop, MAIN) == ("", 3)
    assert provided(toolchain, shop, MAIN) == ("", 0)
    (shop / "Shop" / "Cart.lean").write_text(FILES["Shop/Cart.lean"] + mark)
    assert provided(toolchain, shop, "import Shop.Price\n") == ("", 0)
    assert provided(toolchain, shop, MAIN) == ("", 2)


def test_a_run_sees_one_state_of_the_project(toolchain, shop):
    there = toolchain.in_project(shop).modules
    assert there.provide_now("import Shop.Price\n") == ""
    (shop / "Shop" / "Price.lean").write_text("broken\n")
    assert there.provide_now(MAIN) == ""
    folder = there.folder
    assert (folder / "Shop" / "Price.olean").is_file()
    del there
    assert not folder.exists()


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        (
            "Shop/Cart.lean",
            "import Shop.Price\n\ndef x : Nat := true\n",
            "the module Shop.Cart does not compile: Shop/Cart.lean:3:16: ",
        ),
        (
            "Shop/Cart.lean",
            "import Shop\n",
            "the module Shop imports itself: Shop → Shop.Cart → Shop",
        ),
        ("Shop/Cart.lean", "import Shop.Lost\n", "unknown module Shop.Lost (Shop/Cart.lean:1): "),
        (
            "Shop/Cart.lean",
            "import Mathlib.Tactic\n",
            "unknown module Mathlib.Tactic (Shop/Cart.lean:1): it is of the package mathlib",
        ),
        ("Shop/Cart.lean", "import Lean.Gone\n", "the module Shop.Cart does not compile: "),
        (
            "Shop/Cart.lean",
            '#eval IO.FS.writeFile "/etc/lakatos" ""\n',
            "the module Shop.Cart does not compile: ",
        ),
        (
            "Shop/Cart.lean",
            "import Lean\nimport Shop.Price\n#eval show IO Unit from do\n"
            '  IO.FS.writeFile (← Lean.findOLean `Shop.Price) "another module"\n',
            "the module Shop.Cart does not compile: Shop/Cart.lean:3:1: read-only file system",
        ),
    ],
)
def test_what_is_wrong_with_a_module_is_one_line(toolchain, shop, name, text, said):
    (shop / name).write_text(text)

    async def ask(pool, _):
        with pytest.raises(UsageError) as caught:
            await pool.open("Main.lean", MAIN)
        return str(caught.value)

    told = in_pool(toolchain, shop, ask)
    assert said in told
    assert "\n" not in told


# ------------------------------------------------------------------------------------- trust

FALSE = """import Lean
open Lean Elab Command
set_option debug.skipKernelTC true
run_cmd liftCoreM do
  addDecl <| .thmDecl
    { name := `oops, levelParams := [], type := mkConst ``False, value := mkConst ``True.intro }
"""


def test_a_module_that_only_the_submission_imports_is_not_trusted(toolchain, shop):
    write(shop, {"Shop/Evil.lean": FALSE})
    original = "import Shop\ntheorem t : 1 = 2 := by sorry\ntheorem u : 1 = 1 := by sorry\n"
    given = (
        "import Shop\nimport Shop.Evil\ntheorem t : 1 = 2 := oops.elim\ntheorem u : 1 = 1 := rfl\n"
    )

    def ask(original):
        return in_pool(toolchain, shop, lambda _, verifier: verifier.compare(original, given))

    (_, false), (_, true) = ask(original)
    assert true == Accepted(())
    assert false.reasons[0].kind is RefusalKind.CONTEXT_CHANGED
    assert "nothing of Shop.Evil counts" in false.reasons[0].text
    (_, trusted), _ = ask(original.replace("import Shop\n", "import Shop\nimport Shop.Evil\n"))
    assert trusted == Accepted(()), "what the original imports is trusted as the original is"


def test_the_project_that_counts_is_the_originals(run, toolchain, shop, tmp_path):
    """A submission's own folder cannot bring another version of what the original speaks of."""
    (shop / "Original.lean").write_text("import Shop\ntheorem t : Shop.price 2 = 5 := by sorry\n")
    theirs = {
        **FILES,
        "Shop/Price.lean": "def Shop.price (n : Nat) := n + 3\n",
        "Shop.lean": "import Shop.Price\n",
    }
    write(
        tmp_path / "theirs",
        {**theirs, "S.lean": "import Shop\ntheorem t : Shop.price 2 = 5 := by rfl\n"},
    )
    code, out, _ = run(
        "verify", tmp_path / "theirs" / "S.lean", "--original", shop / "Original.lean"
    )
    assert code == 1
    assert "refused" in out


# ------------------------------------------------------------------------------ the command line


def test_prove_and_extract_work_on_the_project(run, toolchain, shop, tmp_path):
    theorem = "theorem twice (i : Item) : i.twice = price i.cost := by\n  sorry\n"
    (shop / "Main.lean").write_text(f"import Shop\nopen Shop\n{theorem}")
    code, out, err = run("prove", shop / "Main.lean", "--workers", 1)
    assert code == 0, err
    assert "twice  proved" in out
    code, out, err = run("extract", shop, "--out", tmp_path / "data")
    assert code == 0, err
    rows = (tmp_path / "data" / "jsonl").rglob("declarations*.jsonl")
    text = "".join(file.read_text() for file in rows)
    assert '"Shop.price_eq"' in text
    assert '"Shop.Item.twice"' in text


def test_a_broken_lakefile_is_the_users(run, toolchain, shop):
    (shop / "lakefile.toml").write_text("name = \n")
    (shop / "Main.lean").write_text(MAIN)
    code, _, err = run("prove", "--lean", "embedded", shop / "Main.lean")
    assert code == 2
    assert len(err) == 1
    assert "lakefile.toml is broken: " in err[0]
