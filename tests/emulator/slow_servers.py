"""Every way in which a server can keep somebody waiting. Each is a port of this machine, until the test is over."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Final, TypeAlias

LOOPBACK: Final = "127.0.0.1"
_PAUSE: Final = 0.5
_HEAD: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n"

Talk: TypeAlias = Callable[[socket.socket, threading.Event], None]


def nothing(_sock: socket.socket, over: threading.Event) -> None:
    """Take the connection, and say nothing: to a client that wants TLS, a handshake that hangs."""
    over.wait()


def headers_byte_by_byte(sock: socket.socket, over: threading.Event) -> None:
    """A response whose headers never end."""
    _drip(sock, over, _HEAD + b"X: " + b"x" * 10_000)


def body_byte_by_byte(sock: socket.socket, over: threading.Event) -> None:
    """A response whose body never ends."""
    sock.sendall(_HEAD + b"\r\n")
    _drip(sock, over, b" " * 100_000)


def interim_responses(sock: socket.socket, over: threading.Event) -> None:
    """One "100 Continue" after the other."""
    while not over.wait(_PAUSE):
        sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")


def wants_a_password(sock: socket.socket, over: threading.Event) -> None:
    """No silence at all: the registry that has credentials read."""
    sock.recv(65536)
    sock.sendall(b'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm="x"\r\nContent-Length: 0\r\n\r\n')
    over.wait()


def _drip(sock: socket.socket, over: threading.Event, text: bytes) -> None:
    for byte in text:
        sock.sendall(bytes([byte]))
        if over.wait(_PAUSE):
            return


@contextmanager
def serving(talk: Talk) -> Iterator[str]:
    """``localhost`` and a port where every connection is talked to in that way."""
    over = threading.Event()
    with socket.create_server((LOOPBACK, 0), backlog=64) as listener:

        def take() -> None:
            with contextlib.suppress(OSError):
                while True:
                    threading.Thread(target=_talk, args=(talk, listener.accept()[0], over), daemon=True).start()

        threading.Thread(target=take, daemon=True).start()
        try:
            yield f"localhost:{listener.getsockname()[1]}"
        finally:
            over.set()


def _talk(talk: Talk, sock: socket.socket, over: threading.Event) -> None:
    with sock, contextlib.suppress(OSError):
        talk(sock, over)


@contextmanager
def black_hole() -> Iterator[str]:
    """``localhost`` and a port that takes no connection and refuses none: its queue is full, and stays so."""
    with ExitStack() as waiting:
        listener = waiting.enter_context(socket.create_server((LOOPBACK, 0), backlog=0))
        address = listener.getsockname()
        for _ in range(3):
            sock = waiting.enter_context(socket.socket())
            sock.settimeout(0)
            sock.connect_ex(address)
        yield f"localhost:{address[1]}"
