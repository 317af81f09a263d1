from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from templates_registry.export_folder import UnsafeName, new_file

DOTS = [
    "..",
    ".",
    "...",
    "../x",
    "x/..",
    "../../etc/passwd",
    "..\\x",
    "..%2fx",
    "%2e%2e/x",
    "....//x",
    "a..b",
    "./x",
    ".x",
    "..x",
    "x..",
]
SLASHES = [
    "/",
    "/etc/passwd",
    "//x",
    "x/y",
    "x/",
    "\\",
    "x\\y",
    "C:\\x",
    "C:x",
    "\\\\host\\share",
    "file:///etc/passwd",
    "~/x",
    "~root",
]
BYTES = ["x\0", "\0", "x\0.csv", "x\n", "\nx", "x\r", "x\ty", "x y", " x", "x ", "\x7f", "\x1b[2J", "\x80", "\ud800"]
FULL_WIDTH = ["\uff0fetc", "\uff0e\uff0e", "\u2024\u2024", "\u2215x", "\u2044x"]
LETTERS = ["\u00e9", "x\u202ecsv", "\ufeffx", "x\u200by", "\ufb01", "\U0001d431", "\u0663", "\u00df"]
SHELL = [
    "$HOME",
    "`id`",
    "$(id)",
    "x;y",
    "x|y",
    "x&y",
    "x>y",
    "x<y",
    "*",
    "?",
    "[x]",
    "{x}",
    "x'y",
    'x"y',
    "!x",
    "#x",
    "x:y",
    "x,y",
    "@x",
]
OTHER = ["", "x" * 200, "x" * 5_000]
CORPUS = [*DOTS, *SLASHES, *BYTES, *FULL_WIDTH, *LETTERS, *SHELL, *OTHER]


def tree(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def export(root: Path, folder: str = "acme", name: str = "a.csv", text: str = "hällo", writer: int = 1) -> None:
    with new_file(root, folder, name, writer=writer) as file:
        file.write(text)


class TestNewFile:
    def test_has_a_corpus_worth_the_name(self) -> None:
        assert len(CORPUS) >= 60

    def test_writes_below_the_folder(self, tmp_path: Path) -> None:
        root = tmp_path / "deep" / "root"
        with new_file(root, "acme", "a-1.csv", writer=1) as file:
            file.write("häl")
            file.write("lo")
        data = "hällo".encode()
        assert (root / "acme" / "a-1.csv").read_bytes() == data
        assert (file.name, file.bytes, file.sha256) == ("acme/a-1.csv", len(data), hashlib.sha256(data).hexdigest())
        assert (root / "acme" / "a-1.csv").stat().st_mode & 0o007 == 0

    @pytest.mark.parametrize("word", CORPUS, ids=ascii)
    def test_refuses_a_file_name(self, tmp_path: Path, word: str) -> None:
        with pytest.raises(UnsafeName):
            export(tmp_path / "root", name=word)
        assert tree(tmp_path) == []

    @pytest.mark.parametrize("word", CORPUS, ids=ascii)
    def test_refuses_a_folder_name(self, tmp_path: Path, word: str) -> None:
        with pytest.raises(UnsafeName):
            export(tmp_path / "root", folder=word)
        assert tree(tmp_path) == []

    def test_shows_nothing_before_the_end(self, tmp_path: Path) -> None:
        with new_file(tmp_path, "acme", "a.csv", writer=7) as file:
            file.write("x")
            assert tree(tmp_path) == ["acme", "acme/.a.csv.7.part"]
        assert tree(tmp_path) == ["acme", "acme/a.csv"]

    def test_leaves_nothing_after_an_error(self, tmp_path: Path) -> None:
        export(tmp_path, text="first")
        with pytest.raises(AttributeError):
            export(tmp_path, text=None)  # type: ignore[arg-type]
        assert tree(tmp_path) == ["acme", "acme/a.csv"]
        assert (tmp_path / "acme" / "a.csv").read_text() == "first"

    def test_replaces_the_file_of_an_earlier_attempt(self, tmp_path: Path) -> None:
        export(tmp_path, text="first")
        export(tmp_path, text="second", writer=2)
        assert (tmp_path / "acme" / "a.csv").read_text() == "second"

    def test_removes_what_a_killed_writer_left(self, tmp_path: Path) -> None:
        (tmp_path / "acme").mkdir()
        (tmp_path / "acme" / ".a.csv.1.part").write_text("half")
        export(tmp_path)
        assert tree(tmp_path) == ["acme", "acme/a.csv"]

    def test_does_not_follow_a_folder_that_is_a_link(self, tmp_path: Path) -> None:
        root, outside = tmp_path / "root", tmp_path / "outside"
        root.mkdir()
        outside.mkdir()
        (root / "acme").symlink_to(outside)
        with pytest.raises(OSError, match=r"Not a directory|symbolic"):
            export(root)
        assert tree(outside) == []

    def test_does_not_write_through_a_file_that_is_a_link(self, tmp_path: Path) -> None:
        root, outside = tmp_path / "root", tmp_path / "outside"
        (root / "acme").mkdir(parents=True)
        outside.write_text("safe")
        (root / "acme" / "a.csv").symlink_to(outside)
        (root / "acme" / ".a.csv.1.part").symlink_to(outside)
        export(root)
        assert outside.read_text() == "safe"
        assert not (root / "acme" / "a.csv").is_symlink()

    def test_keeps_to_the_folder_it_opened(self, tmp_path: Path) -> None:
        root, outside = tmp_path / "root", tmp_path / "outside"
        outside.mkdir()
        with new_file(root, "acme", "a.csv", writer=1) as file:
            (root / "acme").rename(root / "moved")
            (root / "acme").symlink_to(outside)
            file.write("x")
        assert tree(outside) == []
        assert (root / "moved" / "a.csv").read_text() == "x"

    def test_allows_a_root_that_is_a_link(self, tmp_path: Path) -> None:
        (tmp_path / "real").mkdir()
        (tmp_path / "root").symlink_to(tmp_path / "real")
        export(tmp_path / "root")
        assert tree(tmp_path / "real") == ["acme", "acme/a.csv"]
