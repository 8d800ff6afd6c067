"""What tests share: real Lean and a pretrained model where they are there, a command line."""

import gc
import os
import sys
from functools import partial
from pathlib import Path

import pytest
from lakatos.cli import main
from lakatos.lean_env.toolchains import embedded, native

from . import pretrained
from .kept_workers import KeptEnvironment, KeptToolchain, KeptWorkers

# Threads of torch wait for each other in busy loops, and another process tests beside this one.
os.environ.setdefault("OMP_NUM_THREADS", "1")


def cache():
    place = os.environ.get("LAKATOS_CACHE")
    return Path(place).expanduser() if place else None


def pytest_addoption(parser):
    parser.addoption(
        "--require-lean",
        action="store_true",
        help="set up the embedded Lean and fetch the pretrained model (98 MB) if they are missing,"
        " instead of skipping what needs them",
    )


IS_LEAN_MADE_HERE = pytest.StashKey[bool]()


def pytest_configure(config):
    config.stash[IS_LEAN_MADE_HERE] = not embedded.is_prepared(cache())


def pytest_collection_modifyitems(config, items):
    if config.getoption("--require-lean"):
        # of two processes that share the tests, one sets Lean up while the other need not wait
        # and what shares a cluster, which takes ten seconds to start, stays together
        items.sort(key=lambda item: _meets_lean(item) or "cluster" in item.fixturenames)
        return
    if config.args_source is pytest.Config.ArgsSource.TESTPATHS and not config.option.markexpr:
        for marker in ("lean", "model", "slow"):
            _skip(items, marker, f"{marker}: not in the fast part (pytest --require-lean runs all)")
        return
    if not embedded.is_prepared(cache()):
        _skip(items, "lean", "the embedded Lean is not set up (lakatos setup)")
    if pretrained.found(cache()) is None:
        _skip(items, "model", "the pretrained model is not here (pytest --require-lean fetches it)")


def pytest_collection_finish():
    """Leave what was imported, which stays, out of every later search for garbage."""
    gc.collect()
    gc.freeze()


def _meets_lean(item):
    """Whether a test needs Lean, or gives a command that may."""
    return item.get_closest_marker("lean") is not None or "lakatos" in item.fixturenames


def _skip(items, marker, reason):
    for item in items:
        if item.get_closest_marker(marker):
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def lakatos(kept_workers):
    """The command `lakatos` in this process, on kept workers; returns its exit code."""
    make = partial(KeptEnvironment, place=kept_workers.place)
    return lambda *words: main([str(word) for word in words], make)


@pytest.fixture
def run(tmp_path, capsys, monkeypatch, lakatos):
    """Run a command in an empty folder; returns its code, standard output and error lines."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAKATOS_DB", str(tmp_path / "attempts.db"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / ".config"))
    for name in ("LAKATOS_DEBUG", "LAKATOS_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)

    def call(*arguments):
        code = lakatos(*arguments)
        said = capsys.readouterr()
        return code, said.out, said.err.splitlines()

    return call


@pytest.fixture(scope="session")
def own_toolchain():
    """The embedded Lean, set up on first use; each worker is a process of its own."""
    return embedded.prepare(cache=cache())


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory):
    """A folder of this run, the same in all processes that test side by side."""
    place = tmp_path_factory.getbasetemp()
    return place.parent if "PYTEST_XDIST_WORKER" in os.environ else place


@pytest.fixture(scope="session")
def kept_workers():
    """Lean workers that outlive a test."""
    with KeptWorkers() as workers:
        yield workers


@pytest.fixture(scope="session")
def toolchain(own_toolchain, kept_workers):
    """The embedded Lean on workers that other tests have used before."""
    return KeptToolchain.of(own_toolchain, kept_workers.place)


@pytest.fixture(scope="session")
def native_toolchain(own_toolchain, tmp_path_factory):
    """The native toolchain, on the programs in native_standin/ (minutes the first time)."""
    cache = own_toolchain.layer.parent
    standin = Path(__file__).parent / "native_standin"
    path = os.pathsep.join([str(standin), str(Path(sys.executable).parent), os.environ["PATH"]])
    environ = {**os.environ, "PATH": path, "LAKATOS_CACHE": str(cache)}
    return native.find(tmp_path_factory.mktemp("bare"), cache=cache, environ=environ)


@pytest.fixture(scope="session")
def smollm_file():
    """SmolLM2-135M-Instruct as a GGUF file, fetched on first use."""
    return pretrained.found(cache()) or pretrained.fetched(cache())


@pytest.fixture(scope="session")
def smollm(smollm_file):
    """The same as a model folder, made on first use."""
    return pretrained.folder(smollm_file, cache())


@pytest.fixture(autouse=True)
def _prepared_lean(request):
    """Set Lean up before the first test that needs it: no command meets a bare machine."""
    is_required = request.config.getoption("--require-lean") and _meets_lean(request.node)
    if is_required or request.node.get_closest_marker("lean"):
        request.getfixturevalue("own_toolchain")
