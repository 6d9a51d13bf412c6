"""What a command holds while it uses a home: its servers, its signals and its place in the register."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from config.embedded import homes
from config.embedded.environment import missing_servers, of_commands
from config.embedded.registry import Registry
from config.embedded.sharing import Servers
from config.embedded.signals import Signals

_SHOWN = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One command's use of a home."""

    home: Path
    signals: Signals
    registry: Registry
    servers: Servers

    def environment(self) -> dict[str, str]:
        """The environment of a command, with the URLs of the servers as they are now."""
        return of_commands(self.home, self.servers.urls())


@contextmanager
def open_session(command: str) -> Iterator[Session]:
    """Use the default home, with the servers that the environment does not name."""
    home = homes.default_home()
    homes.prepare_home(home)
    registry = Registry(home)
    shown = command if len(command) <= _SHOWN else f"{command[:_SHOWN]}..."
    with (
        Signals() as signals,
        registry.entry(shown),
        Servers(home, missing_servers(home), signals) as servers,
    ):
        yield Session(home=home, signals=signals, registry=registry, servers=servers)
