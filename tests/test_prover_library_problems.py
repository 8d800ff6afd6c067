"""Which modules are posed, and that a break, or one that is broken, loses nothing else."""

import asyncio

import pytest
from lakatos.data.errors import UsageError
from lakatos.lean_env.queries.library import LibraryReader
from lakatos.prover.dataset.library_problems import LibraryExtraction

from .toy_library import Server, Toolchain


def run(posing, server, cache, told=lambda *_: None):
    def make():
        return LibraryReader(Toolchain(), start=server.start)

    return asyncio.run(posing.run(Toolchain(), cache, told, make))


def names(found):
    return {m.name: [row["name"] for row in m.theorems] for m in found.modules}


def test_every_module_is_posed_once(tmp_path):
    server = Server()
    found = run(LibraryExtraction(), server, tmp_path)
    assert {name: len(rows) for name, rows in names(found).items()} == {"A": 3, "B": 5, "C": 2}
    again = Server()
    assert names(run(LibraryExtraction(), again, tmp_path)) == names(found)
    assert again.pages == []


def test_only_the_modules_asked_for(tmp_path):
    assert list(names(run(LibraryExtraction(("[BC]",)), Server(), tmp_path))) == ["B", "C"]
    with pytest.raises(UsageError, match=r"no module of Init and Std is called D\.\*"):
        run(LibraryExtraction(("D.*",)), Server(), tmp_path)


@pytest.mark.parametrize("workers", [1, 3])
def test_a_broken_module_is_named_and_the_rest_goes_on(tmp_path, workers):
    found = run(LibraryExtraction(workers=workers), Server(broken=["B"]), tmp_path)
    assert list(names(found)) == ["A", "C"]
    assert found.failures == [("B", "no such module")]


def test_after_a_break_only_what_is_missing_is_posed(tmp_path):
    class Broken(BaseException):
        pass

    def breaks(done, of, name):
        if name == "A":
            raise Broken

    with pytest.raises(BaseExceptionGroup):
        run(LibraryExtraction(), Server(), tmp_path, breaks)
    server = Server()
    assert len(names(run(LibraryExtraction(), server, tmp_path))) == 3
    assert {page[0] for page in server.pages} == {"B", "C"}
