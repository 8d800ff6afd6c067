"""Every step that extraction cuts out of a file is taken again, from the state before it."""

import asyncio
from pathlib import Path

import pytest
from lakatos.lean_env.pool import LeanPool
from lakatos.lean_env.protocol import Result
from lakatos.lean_env.queries.trace import Traces, to_traced

HERE = Path(__file__).parent
FILES = [HERE / "layouts.lean", *sorted((HERE.parent / "examples").glob("*.lean"))]


async def replayed(pool, path):
    """Of each step of a file: its tactic, the goals after it, and those of taking it again."""
    text = path.read_text(encoding="utf-8")
    wire = await Traces(pool, "").ask(path.name, text, keep=True)
    found = []
    for declaration in to_traced(path.name, text, "", wire).declarations:
        for step in declaration.steps:
            if any(each.name == "sorryAx" for each in step.used):
                continue
            again = await pool.request(
                "apply", wall_s=60.0, state=step.state, tactic=step.tactic, heartbeats=200_000
            )
            assert isinstance(again, Result), step.tactic
            states = again.value.get("states", [])
            goals = {
                place: goal["target"]
                for state in states
                for place, goal in zip(state["positions"], state["goals"], strict=True)
            }
            after = [goal for _, goal in sorted(goals.items())]
            expected = [goal.goal.target for goal in step.after]
            found.append((step.tactic, expected, again.value.get("rejected") or after))
    return found


@pytest.mark.lean
def test_every_step_of_every_layout_is_taken_again(toolchain):
    async def go():
        async with LeanPool(toolchain, workers=1) as pool:
            return [(path.name, await replayed(pool, path)) for path in FILES]

    steps = dict(asyncio.run(go()))
    assert len(steps["layouts.lean"]) > 60
    wrong = [(name, *each) for name, found in steps.items() for each in found if each[1] != each[2]]
    assert wrong == []
