"""Static files with a hash in their names, in what our own script modules import of each other as well."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from servestatic.storage import CompressedManifestStaticFilesStorage  # type: ignore[import-untyped]

OURS = "daybook/"


class HashedStaticFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    support_js_module_import_aggregation = True

    def url_converter(self, name: str, *arguments: Any, **options: Any) -> Callable[[re.Match[str]], str]:
        """Scripts of packages stay as they are: some show in a comment what could be imported."""
        if name.endswith(".js") and not name.startswith(OURS):
            return lambda found: found[0]
        converter: Callable[[re.Match[str]], str] = super().url_converter(name, *arguments, **options)
        return converter
