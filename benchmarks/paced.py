"""``python -m benchmarks.paced RATE SECONDS CONNECTIONS`` with a request on standard input: send it evenly paced.

Prints a JSON list of latencies in milliseconds. A request's time runs from when it was due, so that one which had to
wait for a connection, because the server was slow, counts that wait too. It waits in select(2), to microseconds: an
event loop's timers are too coarse for a request every half millisecond.
"""

import json
import select
import socket
import sys
import time
from collections import deque
from dataclasses import dataclass, field


@dataclass(eq=False)
class Connection:
    """One connection and the request on it."""

    socket: socket.socket
    due: float = 0.0
    received: bytearray = field(default_factory=bytearray)

    def fileno(self) -> int:
        """For select."""
        return self.socket.fileno()

    def send(self, request: bytes, due: float) -> None:
        """Begin a request that was due at ``due``."""
        self.due = due
        self.received.clear()
        self.socket.sendall(request)

    def is_answered(self) -> bool:
        """Read; whether the answer is complete. Raises `RuntimeError` for anything but 2xx and 3xx."""
        data = self.socket.recv(1 << 18)
        if not data:
            raise RuntimeError("the server closed the connection")
        self.received += data
        head, end, body = self.received.partition(b"\r\n\r\n")
        if not end:
            return False
        if head.split(b" ", 2)[1][:1] not in b"23":
            raise RuntimeError(f"the server answered {bytes(head).splitlines()[0].decode()}")
        lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        return len(body) >= (int(lengths[0].partition(b":")[2]) if lengths else 0)


def paced(address: tuple[str, int], request: bytes, rate: float, seconds: float, connections: int) -> list[float]:
    """Latencies in milliseconds of ``rate × seconds`` requests."""
    idle = [Connection(socket.create_connection(address, timeout=10)) for _ in range(connections)]
    for connection in idle:
        connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    busy: set[Connection] = set()
    waiting: deque[float] = deque()
    latencies: list[float] = []
    started, due_count, wanted = time.perf_counter(), 0, int(rate * seconds)
    while len(latencies) < wanted:
        now = time.perf_counter()
        while due_count < wanted and started + due_count / rate <= now:
            waiting.append(started + due_count / rate)
            due_count += 1
        while waiting and idle:
            connection = idle.pop()
            connection.send(request, waiting.popleft())
            busy.add(connection)
        patience = max(0.0, started + due_count / rate - now) if due_count < wanted else 10.0
        readable, _, _ = select.select(busy, (), (), patience)
        if not readable and due_count == wanted:
            raise RuntimeError("the server no longer answers")
        for connection in readable:
            if connection.is_answered():
                latencies.append((time.perf_counter() - connection.due) * 1000)
                busy.remove(connection)
                idle.append(connection)
    for connection in idle:
        connection.socket.close()
    return latencies


if __name__ == "__main__":
    rate, seconds, connections = float(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
    request = sys.stdin.buffer.read()
    host, _, port = request.lower().partition(b"host: ")[2].partition(b"\r\n")[0].decode().rpartition(":")
    json.dump(paced((host, int(port)), request, rate, seconds, connections), sys.stdout)
