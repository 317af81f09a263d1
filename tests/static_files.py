"""Pytest plugin: the static files are looked for once, not by every test client anew.

Each client loads the middleware, and that lists and measures all files of all apps, which takes longer than most pages.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from servestatic.middleware import ServeStaticMiddleware


@pytest.fixture(scope="session", autouse=True)
def _static_files_are_found_once() -> Iterator[None]:
    look = ServeStaticMiddleware.add_files_from_finders
    found: list[tuple[dict[str, Any], list[Any]]] = []

    def remember(middleware: Any) -> None:
        if not found:
            look(middleware)
            found.append((dict(middleware.files), list(middleware.directories)))
        files, directories = found[0]
        middleware.files, middleware.directories = dict(files), list(directories)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ServeStaticMiddleware, "add_files_from_finders", remember)
        yield
