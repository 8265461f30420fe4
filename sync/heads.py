"""What uvicorn reads of a request within limits: its parser would keep whatever it is sent, gigabytes too."""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

HEAD_BYTES = 64 * 1024
"""As much as uvicorn's other parser allows; browsers send a few kilobytes."""


class BoundedHeads(HttpToolsProtocol):
    """Answers 400 and hangs up when more than `HEAD_BYTES` come that are no body.

    That is the line and the headers of a request, and what may follow a body in pieces.
    """

    head = 0
    moved = False
    """Whether what was just received held some of a body, or a request's end: it may be all body."""

    def connection_made(self, transport: Any) -> None:
        self.cycles: list[RequestResponseCycle] = []
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._abandon()
        super().connection_lost(exc)

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self.cycles = [*(cycle for cycle in self.cycles if not cycle.response_complete), self.cycle]

    def on_body(self, body: bytes) -> None:
        self.moved = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        self.moved = True
        super().on_message_complete()

    def data_received(self, data: bytes) -> None:
        self.moved = False
        super().data_received(data)
        self.head = 0 if self.moved else self.head + len(data)
        if self.head > HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response("The head of this request is too large.")

    def send_400_response(self, msg: str) -> None:
        self._abandon()
        super().send_400_response(msg)

    def _abandon(self) -> None:
        """Nobody waits for answers any more; uvicorn tells only the last of several requests sent at once."""
        for cycle in self.cycles:
            cycle.disconnected = True
            cycle.message_event.set()
