"""What docs/explain.md shows of `simulate` is what it prints."""

from __future__ import annotations

import re
import shlex
from io import StringIO
from pathlib import Path

from django.conf import settings
from django.core.management import call_command

PAGE = (Path(settings.BASE_DIR) / "docs" / "explain.md").read_text()
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_page_shows_what_the_command_prints(tmp_path: Path) -> None:
    night = next(text for kind, text in BLOCKS if kind == "json")
    (tmp_path / "night.json").write_text(night)
    shown = [text for _, text in BLOCKS if text.startswith("$ manage.py simulate")]
    assert len(shown) == 2
    for block in shown:
        command, _, rest = block.replace("\\\n", "").partition("\n")
        assert printed(command, tmp_path) == [line.rstrip() for line in rest.splitlines() if line]
    in_full = printed(f"{shown[0].partition(chr(10))[0]} --all", tmp_path)
    excerpt = next(text for _, text in BLOCKS if text.startswith("Job") and "01:20:00-05:00" in text)
    assert set(excerpt.splitlines()) <= set(in_full)


def printed(command: str, folder: Path) -> list[str]:
    words = [word.replace("night.json", str(folder / "night.json")) for word in shlex.split(command)[2:]]
    out = StringIO()
    call_command(*words, stdout=out)
    return [line.rstrip() for line in out.getvalue().splitlines() if line]
