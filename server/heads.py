"""The head of a request within limits: uvicorn's parser would keep whatever it is sent, gigabytes too."""

from __future__ import annotations

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES = 64 * 1024
"""As much as uvicorn's other parser allows; browsers send a few kilobytes."""


class BoundedHeads(HttpToolsProtocol):
    """Answers 400 and hangs up when the line and headers of one request are larger than `HEAD_BYTES`."""

    head = 0
    reads_head = True
    ended = False
    """Whether a request came to its end within what was just received: a large piece may be all body."""

    def on_message_begin(self) -> None:
        self.head, self.reads_head = 0, True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self.reads_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self.head, self.reads_head, self.ended = 0, True, True
        super().on_message_complete()

    def data_received(self, data: bytes) -> None:
        self.ended = False
        super().data_received(data)
        self.head = self.head + len(data) if self.reads_head and not self.ended else 0
        if self.head > HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response("The head of this request is too large.")
