"""Lines over a socket, as mail protocols speak them, with TLS from the start or later, and ends that come too early."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct


class Lines:
    """One connection of a simulated server."""

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, *, secure: bool) -> None:
        self._context = context
        self.secure = secure
        self.sock = context.wrap_socket(sock, server_side=True) if secure else sock
        self._file = self.sock.makefile("rb")

    def begin_tls(self) -> None:
        """Go on over TLS: what was read ahead counts no more."""
        self.sock = self._context.wrap_socket(self.sock, server_side=True)
        self._file = self.sock.makefile("rb")
        self.secure = True

    def read_bytes(self) -> bytes:
        """Return one line with its end; empty at the end of the connection."""
        return self._file.readline(1_000_000)

    def read(self) -> str | None:
        """Return one line as text; None at the end of the connection."""
        line = self.read_bytes()
        return line.decode("utf-8", "replace").rstrip("\r\n") if line else None

    def send(self, *lines: str) -> None:
        """Send lines."""
        self.send_bytes("".join(f"{line}\r\n" for line in lines).encode())

    def send_bytes(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.sock.sendall(data)

    def reset(self) -> None:
        """End the connection with a reset."""
        with contextlib.suppress(OSError):
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self) -> None:
        """End the connection."""
        with contextlib.suppress(OSError):
            self._file.close()
        with contextlib.suppress(OSError):
            self.sock.close()
