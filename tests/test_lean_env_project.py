"""Headers, lakefiles and the order of a project's modules, read without Lean."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lakatos.data.errors import UsageError
from lakatos.lean_env.toolchains.header import read_header, without_header
from lakatos.lean_env.toolchains.lakefile import read_lakefile
from lakatos.lean_env.toolchains.project import Project

TOML = """
name = "shop"
srcDir = "src"
[leanOptions]
autoImplicit = false
pp.unicode.fun = true
weak.linter.all = false
[[lean_lib]]
name = "Shop"
leanOptions = { maxHeartbeats = 100 }
[[lean_lib]]
name = "Extra"
srcDir = "extra"
roots = ["Tools", "More.Tools"]
[[lean_exe]]
name = "run"
root = "Main"
[[require]]
name = "mathlib"
scope = "leanprover-community"
[[require]]
name = "near"
path = "../near"
"""

LEAN = """
import Lake
open Lake DSL
/- lean_lib Old -/
package shop where  -- lean_lib Older
  srcDir := "src"
  leanOptions := #[⟨`autoImplicit, false⟩, ⟨`pp.unicode.fun, true⟩, ⟨`weak.linter.all, false⟩]

require "leanprover-community" / "mathlib" @ git "v4.28.0"
require near from ".." / "near"

@[default_target]
lean_lib Shop where
  leanOptions := #[⟨`maxHeartbeats, 100⟩]
lean_lib Extra {
  srcDir := "extra"
  roots := #[`Tools, `More.Tools]
}
lean_exe «run» where
  root := `Main
"""


def write(folder, files):
    for name, text in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    return folder


def names(project, text):
    return [module.name for module in project.closure(text)]


@pytest.mark.parametrize(
    ("text", "modules", "rest"),
    [
        ("import A.B\nimport C -- c\n\ndef x := 1", ["Init", "A.B", "C"], "def x := 1"),
        ("/- import X /- -/ -/ import A import B\ntheorem t", ["Init", "A", "B"], "theorem t"),
        ("module\npublic import A\nmeta import B\nimport all C\n", ["Init", "A", "B", "C"], ""),
        ("prelude\nimport A\n#check x", ["A"], "#check x"),
        ("import «foo-bar».B'\n", ["Init", "foo-bar.B'"], ""),
        ("/-! doc -/\nimport A", ["Init"], "/-! doc -/\nimport A"),
        ("moduleX", ["Init"], "moduleX"),
        ("", ["Init"], ""),
    ],
)
def test_a_header_is_its_imports(text, modules, rest):
    header = read_header(text)
    assert header.modules == modules
    assert text[header.stop :] == rest
    assert without_header(text).strip() == rest
    assert without_header(text).count("\n") == text.count("\n")


@given(st.text(alphabet="import module/-! \nA.«»'", max_size=60))
def test_any_text_has_a_header(text):
    assert 0 <= read_header(text).stop <= len(text)
    assert len(without_header(text)) == len(text)


@pytest.mark.parametrize(("name", "text"), [("lakefile.toml", TOML), ("lakefile.lean", LEAN)])
def test_both_kinds_of_lakefile_say_the_same(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    found = read_lakefile(tmp_path)
    assert {each.name: (each.folder, each.roots) for each in found.libraries} == {
        "Shop": ("src/.", ("Shop",)),
        "Extra": ("src/extra", ("Tools", "More.Tools")),
        "run": ("src/.", ("Main",)),
    }
    assert found.options == {
        "autoImplicit": False,
        "pp.unicode.fun": True,
        "weak.linter.all": False,
    }
    assert found.libraries[0].options == {"maxHeartbeats": 100}
    assert found.requires == {"mathlib": None, "near": tmp_path / ".." / "near"}


def test_modules_come_after_what_they_import(tmp_path):
    shop = tmp_path / "shop"
    write(
        shop,
        {
            "lakefile.toml": TOML,
            "src/Shop.lean": "import Shop.A\nimport Tools.T\n",
            "src/Shop/A.lean": "import Near.N\nimport Lean\n",
            "src/extra/Tools/T.lean": "import Shop.A\n",
        },
    )
    near = {"lakefile.toml": 'name = "near"\n[[lean_lib]]\nname = "Near"\n', "Near/N.lean": ""}
    write(tmp_path / "near", near)
    project = Project.at(shop / "src" / "Shop" / "New.lean")
    assert project.folder == shop
    found = project.closure("import Shop\nimport Std\n")
    assert [(each.name, each.path) for each in found] == [
        ("Near.N", "near/Near/N.lean"),
        ("Shop.A", "src/Shop/A.lean"),
        ("Tools.T", "src/extra/Tools/T.lean"),
        ("Shop", "src/Shop.lean"),
    ]
    assert project.options(shop / "src" / "Shop" / "A.lean")["maxHeartbeats"] == 100
    assert project.options(shop) == {
        "autoImplicit": False,
        "pp.unicode.fun": True,
        "weak.linter.all": False,
    }
    assert project.foreign("import Shop.A\n", ["Init", "Near.N", "Shop", "Nowhere"]) == ["Shop"]


def test_a_context_is_all_that_is_imported_of_the_project(tmp_path):
    write(tmp_path, {"A.lean": "import B\n", "B.lean": "def b := 1\n"})

    def context(text):
        return Project.at(tmp_path).context(text)

    first = context("import A")
    assert context("import A\nimport B") == first
    assert context("import Lean") == context("import Nowhere") == ""
    (tmp_path / "B.lean").write_text("def b := 2\n")
    assert context("import A") != first


@pytest.mark.parametrize(
    ("files", "text", "said"),
    [
        (
            {"P/A.lean": "import P.B", "P/B.lean": "import P.C", "P/C.lean": "import P.A"},
            "import P.A",
            "the module P.A imports itself: P.A → P.B → P.C → P.A",
        ),
        (
            {"P/A.lean": "\nimport Mathlib.Tactic.Ring"},
            "import P.A",
            r"unknown module Mathlib.Tactic.Ring \(P/A.lean:2\): it is of the package mathlib, "
            "which the embedded Lean does not have: install Lean with elan, run `lake exe cache",
        ),
        ({}, "import Mathlib", "it is of the package mathlib"),
        ({}, "import Elsewhere.X", "it is of the package mathlib, which"),
        ({}, "import P.Gone", r"its library P \(lakefile.toml\) has no file P/Gone.lean"),
    ],
)
def test_what_cannot_be_imported_is_one_line(tmp_path, files, text, said):
    lakefile = 'name = "p"\n[[lean_lib]]\nname = "P"\n[[require]]\nname = "mathlib"\n'
    project = Project.at(write(tmp_path, {"lakefile.toml": lakefile, **files}))
    with pytest.raises(UsageError, match=said) as caught:
        project.closure(text)
    assert "\n" not in str(caught.value)


def test_a_module_of_no_library_is_named(tmp_path):
    lakefile = 'name = "p"\n[[lean_lib]]\nname = "P"\n'
    project = Project.at(write(tmp_path, {"lakefile.toml": lakefile, "Q.lean": ""}))
    with pytest.raises(UsageError, match=r"no library of lakefile.toml holds it \(libraries: P\)"):
        project.closure("import Q")


def test_a_computed_lakefile_leaves_room(tmp_path):
    files = {"lakefile.lean": "package p\nlean_lib P where roots := rootsOf 3\n", "Q/R.lean": ""}
    assert names(Project.at(write(tmp_path, files)), "import Q.R") == ["Q.R"]


@pytest.mark.parametrize(
    "text",
    [
        "broken",
        'name = "p"\nsrcDir = 3\n',
        '[[lean_lib]]\nroots = ["A"]\n',
        'name = "p"\nleanOptions = { a = [1] }\n',
        'lean_lib = "P"\n',
    ],
)
def test_a_broken_lakefile_is_one_line(tmp_path, text):
    (tmp_path / "lakefile.toml").write_text(text)
    with pytest.raises(UsageError, match=r"lakefile\.toml is broken") as caught:
        Project.at(tmp_path / "A.lean")
    assert "\n" not in str(caught.value)
