"""The embedded Valkey keeps its queue, its address and its password."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
import redis

from config.embedded.valkey import ValkeyServer


@pytest.mark.faults
def test_a_queue_survives_a_kill(valkey: ValkeyServer) -> None:
    before = valkey.url
    with redis.Redis.from_url(before) as client:
        for number in range(500):
            client.rpush("queue", number)
    valkey.kill()
    assert not valkey.ready()
    valkey.start()
    assert valkey.url == before
    with redis.Redis.from_url(before) as client:
        assert client.llen("queue") == 500


def test_it_writes_to_disk_and_refuses_rather_than_forgets(valkey: ValkeyServer) -> None:
    with redis.Redis.from_url(valkey.url) as client:
        for setting, expected in {
            "appendonly": "yes",
            "appendfsync": "everysec",
            "maxmemory-policy": "noeviction",
            "bind": "127.0.0.1",
        }.items():
            assert client.config_get(setting) == {setting: expected}


def test_it_wants_its_password(valkey: ValkeyServer) -> None:
    with socket.create_connection(("127.0.0.1", valkey.port)) as channel:
        channel.sendall(b"PING\r\n")
        assert channel.recv(100).startswith(b"-NOAUTH")


def test_it_moves_when_somebody_took_its_port(valkey: ValkeyServer) -> None:
    taken = valkey.port
    valkey.stop()
    with socket.create_server(("127.0.0.1", taken)):
        assert not valkey.ready()
        valkey.start()
    assert valkey.port != taken
    assert valkey.ready()


def test_a_server_that_its_owner_left_behind_is_replaced(home: Path, valkey: ValkeyServer) -> None:
    orphan, address = valkey.pid, valkey.url
    successor = ValkeyServer(home)
    successor.start()
    try:
        assert successor.pid not in (None, orphan)
        assert successor.url == address
    finally:
        successor.stop()
