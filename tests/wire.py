"""A wire to a MySQL server on which accidents happen. It is a process of its own: while the bulk
reader waits for rows, no other thread of its process runs."""

from __future__ import annotations

import multiprocessing
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection

from workbench.mysql.server import READER, Server

HELD = 5_000_000  # bytes after which a connection waits until all have come so far
CUT, NOTHING = "cut", ""


@dataclass(frozen=True)
class Accident:
    """``what`` befalls the ``lost`` ones of ``ranges`` connections: CUT, NOTHING or a KILL."""

    ranges: int
    what: str
    lost: Sequence[int] = (0, 1)


@dataclass
class Wire:
    port: int
    connection: Connection

    def told(self) -> tuple[int, int]:
        """To how many connections the server was sending rows, and how many were lost."""
        assert self.connection.poll(30), "not half way: make the rows wider"
        before, lost = self.connection.recv()
        return int(before), int(lost)


@contextmanager
def wire(server: Server, database: str, accident: Accident) -> Iterator[Wire]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(server, database, accident, theirs), daemon=True)
    process.start()
    try:
        assert ours.poll(30)
        yield Wire(int(ours.recv()), ours)
    finally:
        process.kill()
        process.join()
        process.close()
        ours.close()
        theirs.close()


def _serve(server: Server, database: str, accident: Accident, told: Connection) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    held = threading.Semaphore(0)
    go_on = threading.Event()

    def carry(here: socket.socket, there: socket.socket) -> None:
        carried = 0
        with suppress(OSError):
            while data := here.recv(1 << 16):
                there.sendall(data)
                carried += len(data)
                if carried >= HELD and not go_on.is_set():
                    held.release()
                    go_on.wait()
                    if accident.what == CUT:
                        break
        for end in (here, there):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def listen() -> None:
        while True:
            client, _ = listener.accept()
            upstream = socket.socket()
            upstream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
            upstream.connect((server.host, server.port))
            for ends in ((client, upstream), (upstream, client)):
                threading.Thread(target=carry, args=ends, daemon=True).start()

    threading.Thread(target=listen, daemon=True).start()
    told.send(listener.getsockname()[1])
    for _ in range(accident.ranges):
        held.acquire()
    before = _reading(server, database)
    befallen = accident.lost if accident.what != NOTHING else ()
    lost = [number for place, number in enumerate(before) if place in befallen]
    if accident.what.startswith("KILL"):
        _kill(server, database, accident.what, lost)
    told.send((len(before), len(lost)))
    go_on.set()
    threading.Event().wait()


def _reading(server: Server, database: str) -> list[int]:
    """The connections to which the server is sending rows."""
    with server.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM information_schema.processlist WHERE db = %s AND user = %s "
            "AND command IN ('Query', 'Execute') ORDER BY id",
            [database, READER],
        )
        return [int(number) for (number,) in cursor.fetchall()]


def _kill(server: Server, database: str, kill: str, lost: Sequence[int]) -> None:
    with server.cursor() as cursor:
        for number in lost:
            cursor.execute(f"{kill} {number}")
    while kill == "KILL CONNECTION" and set(lost) & set(_reading(server, database)):
        time.sleep(0.02)
