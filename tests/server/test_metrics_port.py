"""The port for Prometheus, asked by whoever has no patience with it."""

from __future__ import annotations

import socket

import pytest
import requests

from e2e.server import free_port
from server import metrics
from server.settings import Settings


def test_whoever_connects_and_does_not_ask_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "ASK_SECONDS", 0.2)
    port = free_port()
    with (
        metrics.exposed(Settings(metrics=("127.0.0.1", port))),
        socket.create_connection(("127.0.0.1", port), timeout=30) as slow,
    ):
        slow.sendall(b"GET /met")
        assert slow.recv(1) == b"", "a thread would be held for as long as the connection stands"
        assert "gtn_store_up" in requests.get(f"http://127.0.0.1:{port}/metrics", timeout=30).text
