"""Many attempts read at once are what each is alone."""

import pytest
from lakatos.data.store.store import Store

from .made_up_runs import keep, result


@pytest.fixture
def store(tmp_path):
    with Store.open(str(tmp_path / "l.db")) as opened:
        keep(opened, [result(f"p{i}", "+-" if i % 2 else "-") for i in range(6)], k=2, dead=3)
        yield opened


def test_many_are_what_each_is(store):
    ids = [a.id for a in store.attempts()]
    loaded = list(store.load_attempts([*ids, 999]))
    assert [each.summary.id for each in loaded] == sorted(ids)
    assert len(ids) == 9
    for each in loaded:
        alone = store.load_attempt(each.summary.id)
        assert alone == each
        assert [s.recipe for e in each.expansions for s in [e.state]] == [
            s.recipe for e in alone.expansions for s in [e.state]
        ]
        assert each.attempt.expansions == len(each.expansions)


def test_the_first_expansions_alone(store):
    for whole, part in zip(
        store.load_attempts(range(10)), store.load_attempts(range(10), first=2), strict=True
    ):
        assert part.expansions == whole.expansions[:2]
        assert part.summary == whole.summary
        assert part.theorem == whole.theorem
