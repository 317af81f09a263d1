"""Which system account the servers run as: PostgreSQL refuses to run as root."""

from __future__ import annotations

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Account:
    """None everywhere means the account that we run as ourselves."""

    uid: int | None = None
    gid: int | None = None

    @property
    def groups(self) -> list[int] | None:
        return None if self.uid is None else []

    def can_read(self, file: Path) -> bool:
        return self._test("-r", file)

    def can_enter(self, folder: Path) -> bool:
        return self._test("-x", folder)

    def _test(self, right: str, path: Path) -> bool:
        """Asked of the kernel, since each parent folder and ACLs count too."""
        probe = subprocess.run(
            ["/bin/sh", "-c", 'test "$1" "$2"', "sh", right, str(path)],
            user=self.uid,
            group=self.gid,
            extra_groups=self.groups,
            cwd="/",
            check=False,
        )
        return probe.returncode == 0

    def give(self, path: Path) -> None:
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)

    def make_folder(self, path: Path) -> None:
        """A folder that only this account opens."""
        path.mkdir(mode=0o700, exist_ok=True)
        self.give(path)


def server_account() -> Account:
    """`nobody` when we are root, else ourselves."""
    if os.geteuid() != 0:
        return Account()
    nobody = pwd.getpwnam("nobody")
    return Account(nobody.pw_uid, nobody.pw_gid)
