"""What stands between a client and a server, and resets a connection in the middle of what is sent."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from types import TracebackType


class CuttingProxy:
    """Passes bytes on; the first `cuts` connections are reset when the client has sent `after_bytes`."""

    def __init__(self, server: str, *, after_bytes: int, cuts: int) -> None:
        host, _, port = server.partition("://")[2].partition(":")
        self._server = (host, int(port))
        self._after_bytes, self._cuts = after_bytes, cuts
        self._lock = threading.Lock()
        self.was_cut = 0

    def __enter__(self) -> CuttingProxy:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listening.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                server = socket.create_connection(self._server)
                threading.Thread(target=self._pass_on, args=(client, server), daemon=True).start()
                threading.Thread(target=self._pass_back, args=(server, client), daemon=True).start()

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        sent = 0
        with contextlib.suppress(OSError):
            while data := client.recv(64 << 10):
                sent += len(data)
                if sent > self._after_bytes and self._may_cut():
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    break
                server.sendall(data)
        server.close()
        client.close()

    def _pass_back(self, server: socket.socket, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(64 << 10):
                client.sendall(data)
            client.shutdown(socket.SHUT_WR)

    def _may_cut(self) -> bool:
        with self._lock:
            if self.was_cut == self._cuts:
                return False
            self.was_cut += 1
            return True
