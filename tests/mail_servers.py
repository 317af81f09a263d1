"""An SMTP server on loopback that takes mail, refuses it for now or for good, is slow, or hangs."""

from __future__ import annotations

import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class MailServer:
    port: int = 0
    is_hanging: bool = False
    connections: int = 0
    greeting: str = "220 ready"
    verdict: str = "250 taken"
    delay: float = 0.0
    refuses: list[str] = field(default_factory=list)
    puts_off: list[str] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)
    tls: ssl.SSLContext | None = None
    spoken_in: list[str] = field(default_factory=list)
    goes_on: threading.Event = field(default_factory=threading.Event)


@contextmanager
def mail_server() -> Iterator[MailServer]:
    """A server for as long as the block runs. `refuses` are recipients that it does not know, `puts_off`
    those that it does not take now; it is `delay` seconds late with each answer, and `recipients` had their mail.
    With `tls` it offers STARTTLS; `spoken_in` says of each mail what it came by."""
    state = MailServer()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            state.connections += 1
            if state.is_hanging:
                state.goes_on.wait(20)
                return
            self._say(state.greeting)
            recipients: list[str] = []
            for line in iter(lambda: self.rfile.readline(), b""):
                command = line.decode().strip()
                verb = command.upper().partition(" ")[0]
                if verb == "EHLO" and state.tls:
                    self._say("250-ready")
                    self._say("250 STARTTLS")
                elif verb == "STARTTLS" and state.tls:
                    self._say("220 go on")
                    try:
                        self.request = state.tls.wrap_socket(self.request, server_side=True)
                    except OSError:
                        return  # the client does not trust the certificate
                    self.setup()
                elif verb == "RCPT" and any(name in command for name in state.refuses):
                    self._say("550 no such user")
                elif verb == "RCPT" and any(name in command for name in state.puts_off):
                    self._say("450 come again")
                elif verb == "DATA":
                    self._say("354 go on")
                    text = []
                    while (part := self.rfile.readline()) not in (b".\r\n", b""):
                        text.append(part.decode())
                    if state.verdict.startswith("2"):
                        state.taken.append("".join(text))
                        state.spoken_in.append(getattr(self.connection, "version", str)() or "")
                        state.recipients += recipients
                    recipients.clear()
                    self._say(state.verdict)
                elif verb == "QUIT":
                    self._say("221 bye")
                    return
                else:
                    if verb == "RCPT":
                        recipients.append(command.partition("<")[2].partition(">")[0])
                    elif verb == "RSET":
                        recipients.clear()
                    self._say("250 ok")

        def finish(self) -> None:
            super().finish()
            self.request.close()

        def _say(self, line: str) -> None:
            state.goes_on.wait(state.delay)
            self.wfile.write(line.encode() + b"\r\n")

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        state.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        try:
            yield state
        finally:
            state.goes_on.set()
            server.shutdown()
