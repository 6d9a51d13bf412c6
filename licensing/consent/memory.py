"""What a process remembers, bounded."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Generic, TypeVar

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class Memory(Generic[_Key, _Value]):
    """At most `size` things by their keys: the longest unasked gives way."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.kept: OrderedDict[_Key, _Value] = OrderedDict()
        self.lock = threading.Lock()

    def get(self, key: _Key) -> _Value | None:
        with self.lock:
            value = self.kept.get(key)
            if value is not None:
                self.kept.move_to_end(key)
            return value

    def put(self, key: _Key, value: _Value) -> None:
        with self.lock:
            self.kept[key] = value
            self.kept.move_to_end(key)
            while len(self.kept) > self.size:
                self.kept.popitem(last=False)
