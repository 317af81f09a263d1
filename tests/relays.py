"""A relay in front of a server, through which a test can lose it: silent as if suspended, or closed as if stopped."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Relay:
    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._selector = selectors.DefaultSelector()
        self._peers: dict[socket.socket, socket.socket] = {}
        self._is_stopping = False
        self._is_silent = False
        self._listener: socket.socket | None = None
        self.port = 0
        self._lock = threading.Lock()
        self.open()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def open(self) -> None:
        """Pass everything on again, what has been held back included."""
        with self._lock:
            if self._listener is None:
                self._listener = socket.create_server(("127.0.0.1", self.port))
                self.port = self._listener.getsockname()[1]
                self._selector.register(self._listener, selectors.EVENT_READ)
            self._is_silent = False

    def fall_silent(self) -> None:
        """Connections stay open, new ones are accepted by the kernel, and nobody answers."""
        with self._lock:
            self._is_silent = True

    def close(self) -> None:
        """Connections break, and new ones are refused."""
        with self._lock:
            if self._listener is not None:
                self._selector.unregister(self._listener)
                self._listener.close()
                self._listener = None
            for connection in list(self._peers):
                self._drop(connection)

    def _run(self) -> None:
        while not self._is_stopping:
            if self._is_silent:
                time.sleep(0.01)
                continue
            events = self._selector.select(0.02)
            with self._lock:
                for key, _ in events:
                    if key.fileobj is self._listener:
                        self._accept()
                    elif key.fileobj in self._peers:
                        self._pass_on(key.fileobj)  # type: ignore[arg-type]

    def _accept(self) -> None:
        assert self._listener is not None
        client, _ = self._listener.accept()
        server = socket.create_connection(self._target, 5)
        self._peers[client], self._peers[server] = server, client
        for connection in (client, server):
            self._selector.register(connection, selectors.EVENT_READ)

    def _pass_on(self, connection: socket.socket) -> None:
        try:
            found = connection.recv(65_536)
            if found:
                self._peers[connection].sendall(found)
                return
        except OSError:
            pass
        self._drop(connection)

    def _drop(self, connection: socket.socket) -> None:
        other = self._peers.pop(connection, None)
        if other is None:
            return
        self._peers.pop(other, None)
        for one in (connection, other):
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(one)
            one.close()

    def stop(self) -> None:
        self._is_stopping = True
        self._thread.join(5)
        self.close()
        self._selector.close()


@contextmanager
def relay(host: str, port: int) -> Iterator[Relay]:
    found = Relay(host, port)
    try:
        yield found
    finally:
        found.stop()
