"""Finds a checkpoint of Hugging Face and loads its parts; what fails becomes one line.

A model in one GGUF file (llama.cpp's format) is read by transformers with the package gguf. Code
that comes with a checkpoint is never run.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, redirect_stderr
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ...data.errors import ModelUnavailable, UsageError
from .forward import ValueHead

VALUE_HEAD = "value_head.safetensors"

LOADING = (
    AttributeError,
    ImportError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
)
"""What loading a wrong or damaged file raises, besides SafetensorError."""


@dataclass(frozen=True, slots=True)
class HuggingFaceOptions:
    """How a model is loaded and run."""

    dtype: str = "auto"
    """bfloat16, float16, float32; auto: bfloat16 on a GPU, float32 elsewhere."""
    device: str = "auto"
    """cpu, cuda, cuda:1, mps; auto: the first GPU if there is one."""
    revision: str | None = None
    """Commit, tag or branch of the model's repository."""
    adapter: str | None = None
    """Path or name of a LoRA adapter, merged into the weights."""
    offline: bool = False
    """Use what is on this machine and nothing else."""
    prompt_tokens: int = 0
    """Longer prompts lose their beginning; 0: as long as the model allows, at most 4096."""
    budget: int = 0
    """Most tokens in the cache of one batch; 0: from the memory that is free."""
    remember: int = 1024
    """Answers in memory, for prompts that come again."""


class Checkpoint:
    """A model's files, in a folder or under a name, or its one file FILE.gguf.

    Its methods raise UsageError for what the caller can correct, ModelUnavailable for the rest.
    """

    def __init__(self, name: str, options: HuggingFaceOptions) -> None:
        require(f"hf:{name}", ("torch", "transformers"), "'lakatos[llm]'")
        from huggingface_hub.utils import logging as hub
        from transformers.utils import logging

        hub.set_verbosity_error()  # type: ignore[no-untyped-call]
        logging.set_verbosity_error()  # type: ignore[no-untyped-call]
        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        self.name = name
        self.options = options
        self.device = _device(options.device)
        self.dtype = _dtype(options.dtype, self.device)
        self._file: dict[str, str] = {}
        path = Path(name).expanduser()
        if path.suffix == ".gguf":
            require(f"hf:{name}", ("gguf",), "'lakatos[llm]'")
            if not path.is_file():
                raise UsageError(f"no such file: {name}")
            self._file["gguf_file"] = path.name
            path = path.parent
        self._folder = path.is_dir()
        self._source = str(path) if self._folder else name
        if self._folder and not self._file and not (path / "config.json").is_file():
            raise UsageError(f"no model in {name}: it has no config.json")
        if not self._folder and (name.startswith((".", "/", "~")) or name.count("/") > 1):
            raise UsageError(f"no such folder: {name}")

    def part(self, kind: str, **options: Any) -> Any:
        """`from_pretrained` of one of transformers' Auto classes."""
        import transformers

        try:
            with loading_errors(self.name, kind, self.options.offline), self._silence():
                return getattr(transformers, kind).from_pretrained(
                    self._source,
                    revision=self.options.revision or "main",
                    local_files_only=self.options.offline or self._folder,
                    trust_remote_code=False,
                    **self._file,
                    **options,
                )
        except UsageError as error:
            folder = Path(self._source)
            if self._file and not _is_readable(folder / self._file["gguf_file"]):
                raise UsageError(f"{self.name} is no GGUF file, or not all of one") from error
            raise

    def tokenizer(self) -> Any:
        """The tokenizer.

        One that loses all text is refused: where its files are missing, transformers makes one
        without a vocabulary.
        """
        missing = f"no tokenizer in {self.name}: a file such as tokenizer.json is missing"
        try:
            found = self.part("AutoTokenizer")
        except UsageError as error:
            bare = self._folder and not self._file
            if bare and not Path(self._source, "tokenizer.json").is_file():
                raise UsageError(missing) from error
            raise
        if not found.decode(found("a")["input_ids"], skip_special_tokens=True).strip():
            raise UsageError(missing)
        return found

    def model(self, kind: str, **options: Any) -> Any:
        """The model on its device, ready to be run. options: of `from_pretrained`."""
        model = self.part(kind, dtype=self.dtype, **options)
        if self.options.adapter is not None:
            model = self._adapted(model, self.options.adapter)
        with loading_errors(self.name, kind, self.options.offline):
            return model.to(self.device).eval()

    def value_head(self) -> ValueHead | None:
        """The value head beside the model, if there is one."""
        path: Any = Path(self._source, VALUE_HEAD)
        if not self._folder:
            from transformers.utils.hub import cached_file

            with loading_errors(self.name, VALUE_HEAD, self.options.offline):
                path = cached_file(
                    self.name,
                    VALUE_HEAD,
                    revision=self.options.revision or "main",
                    local_files_only=self.options.offline,
                    _raise_exceptions_for_missing_entries=False,
                )
        if path is None or not Path(path).is_file():
            return None
        tensors = import_module("safetensors.torch").load_file(path)
        if not {"weight", "bias"} <= tensors.keys():
            raise UsageError(f"{path}: the tensors `weight` and `bias` are needed")
        return ValueHead(tensors["weight"], tensors["bias"])

    def _silence(self) -> AbstractContextManager[Any]:
        """Keep off the terminal the progress bar of a GGUF file, which heeds no setting."""
        return redirect_stderr(io.StringIO()) if self._file else nullcontext()

    def _adapted(self, model: Any, adapter: str) -> Any:
        require(f"adapter {adapter}", ("peft",), "'lakatos[peft]'")
        with loading_errors(adapter, "adapter", self.options.offline):
            peft = import_module("peft").PeftModel
            options = {"local_files_only": self.options.offline}
            return peft.from_pretrained(model, adapter, **options).merge_and_unload()


def _is_readable(path: Path) -> bool:
    """Whether a GGUF file can be read to its end."""
    try:
        import_module("gguf").GGUFReader(path)
    except (OSError, ValueError, LookupError, struct.error):
        return False
    return True


def require(
    what: str,
    modules: Sequence[str],
    package: str,
    find: Callable[[str], object | None] = find_spec,
) -> None:
    """Raise UsageError, naming what to install, when a module is missing."""
    for module in modules:
        if find(module) is None:
            raise UsageError(f"{what} needs {module}: pip install {package}")


def _device(word: str) -> str:
    import torch

    if word == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=word)
    except (RuntimeError, AssertionError) as error:
        raise UsageError(f"device {word}: {first_line(error)}") from None
    return word


def _dtype(word: str, device: str) -> Any:
    import torch

    if word == "auto":
        return torch.float32 if device == "cpu" else torch.bfloat16
    dtype = getattr(torch, word, None)
    if not isinstance(dtype, torch.dtype) or not dtype.is_floating_point:
        raise UsageError(f"dtype {word}: use bfloat16, float16 or float32")
    return dtype


@contextmanager
def loading_errors(name: str, part: str, offline: bool = False) -> Iterator[None]:
    """Turn what the libraries raise while loading into one line."""
    broken: type[Exception] = import_module("safetensors").SafetensorError
    try:
        yield
    except (*LOADING, broken) as error:
        causes = _causes(error)
        if "LocalEntryNotFoundError" in causes and offline:
            raise UsageError(f"hf:{name} is not on this machine, and may not be fetched") from error
        text = f"hf:{name} ({part}): {first_line(error)}"
        if any(_unreachable(word) for word in causes):
            raise ModelUnavailable(text) from error
        raise UsageError(text) from error


def _causes(error: BaseException | None) -> list[str]:
    """The names of an error's class and of those behind it."""
    names: list[str] = []
    while error is not None and len(names) < 8:
        names.append(type(error).__name__)
        error = error.__cause__ or error.__context__
    return names


def _unreachable(word: str) -> bool:
    """Whether an error's class says that the network or the machine failed, not the caller."""
    network = ("ConnectionError", "ConnectError", "Timeout", "TimeoutError", "ProxyError")
    return word == "LocalEntryNotFoundError" or word.endswith((*network, "MemoryError"))


def first_line(error: BaseException) -> str:
    """The first line of an error's text."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
