"""One Valkey server: its configuration file and its readiness. Keeps no data on disk: none of it is precious."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Valkey:
    program: Path
    """`valkey-server`, or a `redis-server`, which takes the same file."""
    folder: Path
    port: int
    password: str

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def configure(self, *, databases: int = 16) -> list[str]:
        """Write the file, which keeps the password off the command line, and return the command."""
        file = self.folder / "valkey.conf"
        file.touch(mode=0o600)
        file.chmod(0o600)
        file.write_text(
            f"bind 127.0.0.1\nport {self.port}\nprotected-mode yes\nrequirepass {self.password}\n"
            f'dir "{self.folder}"\nsave ""\nappendonly no\ndatabases {databases}\ndaemonize no\n'
        )
        return [str(self.program), str(file)]

    def is_ready(self) -> bool:
        """Whether a server that knows our password answers."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"AUTH %b\r\nPING\r\n" % self.password.encode())
                return connection.recv(64).startswith(b"+OK")
        except OSError:
            return False
