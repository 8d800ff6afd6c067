"""Kimina's client, which cannot be imported as it is before Python 3.12.

Its models take TypedDict from typing, and there pydantic wants that of typing_extensions.
"""

import typing

import typing_extensions

kept = typing.TypedDict
typing.TypedDict = typing_extensions.TypedDict
try:
    from kimina_client import AsyncKiminaClient, KiminaClient, Snippet
    from kimina_client.models import Infotree, SnippetStatus
finally:
    typing.TypedDict = kept

__all__ = ["AsyncKiminaClient", "Infotree", "KiminaClient", "Snippet", "SnippetStatus"]
