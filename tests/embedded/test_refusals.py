"""Each reason not to start is one sentence that says what to do."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
from pathlib import Path

import pytest

from scheduler_project.embedded import binaries, install, location, run
from scheduler_project.embedded.account import Account
from scheduler_project.embedded.refusal import Refusal
from scheduler_project.embedded.state import Services, keep_secret, make_state_folder, read_services, write_services


class TestPort:
    @pytest.mark.parametrize("text", ["", "abc", "0", "70000", "-1", "80 80"])
    def test_must_be_a_port(self, text: str) -> None:
        with pytest.raises(Refusal, match="is not a port"):
            run.free_web_port(text)

    def test_must_be_free(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = str(taken.getsockname()[1])
            with pytest.raises(Refusal, match=f"Port {port} is taken"):
                run.free_web_port(port)


class TestMachine:
    @pytest.mark.parametrize(
        ("version", "system", "libc", "has_venv", "words"),
        [
            ((3, 11, 2), "Linux", "glibc", True, ""),
            ((3, 13, 0), "Darwin", "", True, ""),
            ((3, 11, 2), "Windows", "", True, "Linux and macOS only"),
            ((3, 11, 2), "Linux", "", True, "docker compose up"),
            ((3, 9, 2), "Linux", "glibc", True, "this is 3.9"),
            ((3, 11, 2), "Linux", "glibc", False, "python3-venv"),
        ],
    )
    def test_is_judged_before_anything_is_installed(
        self, version: tuple[int, ...], system: str, libc: str, has_venv: bool, words: str
    ) -> None:
        sentence = install.obstacle(version, system, libc, has_venv)
        assert words in sentence
        assert bool(sentence) == bool(words)

    def test_without_the_wheels_is_told_what_else_works(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        with pytest.raises(Refusal, match="docker compose up"):
            binaries.valkey_program()
        with pytest.raises(Refusal, match="docker compose up"):
            binaries.postgres_programs(Account(), tmp_path)


class TestStateFolder:
    def test_must_be_writable(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(Refusal, match="DAYBOOK_STATE_DIR"):
            make_state_folder(tmp_path / "file" / ".daybook")

    @pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
    def test_refuses_a_folder_without_rights(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o500)
        with pytest.raises(Refusal, match="Permission denied"):
            make_state_folder(tmp_path / ".daybook")

    def test_refuses_a_pointer_from_another_project(self, tmp_path: Path) -> None:
        location.pointer(tmp_path).write_text("/var/lib/daybook/other\n")
        with pytest.raises(Refusal, match="a project in another folder"):
            location.server_folder(tmp_path, Account())

    def test_refuses_data_that_root_made(self, tmp_path: Path) -> None:
        location.pointer(tmp_path).write_text(f"{location.outside_folder(tmp_path)}\n")
        with pytest.raises(Refusal, match="start as root"):
            location.server_folder(tmp_path, Account())


class TestServices:
    def test_are_read_as_written_and_by_the_owner_alone(self, tmp_path: Path) -> None:
        services = Services("postgres://x", "redis://y", "key")
        write_services(tmp_path, services)
        assert read_services(tmp_path) == services
        assert stat.S_IMODE((tmp_path / "services.json").stat().st_mode) == 0o600

    @pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"database_url": "x"}'])
    def test_are_none_when_half_made(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "services.json").write_text(text)
        assert read_services(tmp_path) is None


class TestSecret:
    def test_stays_the_same(self, tmp_path: Path) -> None:
        assert keep_secret(tmp_path / "secret") == keep_secret(tmp_path / "secret")

    def test_of_an_empty_file_is_made_anew(self, tmp_path: Path) -> None:
        (tmp_path / "secret").touch()
        assert len(keep_secret(tmp_path / "secret")) >= 32


class TestPrograms:
    def test_are_copied_for_an_account_that_cannot_reach_them(self, tmp_path: Path) -> None:
        class Shut(Account):
            def can_read(self, file: Path) -> bool:
                return False

        programs = binaries.postgres_programs(Shut(), tmp_path)
        assert programs.is_relative_to(tmp_path)
        version = subprocess.run([programs / "postgres", "--version"], capture_output=True, text=True, check=True)
        assert "18." in version.stdout
        assert binaries.postgres_programs(Shut(), tmp_path) == programs
