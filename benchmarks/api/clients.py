"""Many clients at once over connections that stay open, with as little work of their own as possible."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

Request = Callable[[int], bytes]
"""The bytes of the n-th request of all."""


@dataclass
class Answers:
    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    lasted: float = 0.0

    @property
    def per_second(self) -> float:
        return len(self.seconds) / self.lasted


def ask(port: int, request: Request, *, clients: int, seconds: float, rate: float | None = None) -> Answers:
    """Each client asks again as soon as it is answered; with a `rate`, all together ask so often, and a request that
    goes out late counts from when it was to go out."""
    return asyncio.run(_ask(port, request, clients, seconds, rate))


async def _ask(port: int, request: Request, clients: int, seconds: float, rate: float | None) -> Answers:
    answers = Answers()
    begun = time.perf_counter()
    await asyncio.gather(
        *(_client(number, port, request, clients, begun, seconds, rate, answers) for number in range(clients))
    )
    answers.lasted = time.perf_counter() - begun
    answers.seconds.sort()
    return answers


async def _client(
    number: int,
    port: int,
    request: Request,
    clients: int,
    begun: float,
    seconds: float,
    rate: float | None,
    answers: Answers,
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    turn = 0
    while True:
        place = number + turn * clients
        due = time.perf_counter() if rate is None else begun + place / rate
        if due - begun >= seconds:
            break
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        writer.write(request(place))
        status = await _read(reader)
        answers.seconds.append(time.perf_counter() - due)
        answers.statuses[status] += 1
        turn += 1
    writer.close()


async def _read(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    length = next(int(line.split(b":")[1]) for line in lines if line.lower().startswith(b"content-length:"))
    await reader.readexactly(length)
    return int(lines[0].split(b" ")[1])
