"""The command line: `python -m config.embedded <command>`."""

from __future__ import annotations

import argparse
import sys

from config.embedded import commands, display, environment, up
from config.embedded.errors import EmbeddedError
from config.embedded.signals import Interrupted


def main(arguments: list[str]) -> int:
    own, command = _split(arguments)
    parser = _parser()
    options = parser.parse_args(own)
    if options.command == "exec" and not command:
        parser.error("exec needs a command: exec -- CMD ...")
    if getattr(options, "once", False) and not command:
        parser.error("--once needs a command: up --once -- CMD ...")
    if command and options.command not in ("exec", "up"):
        parser.error(f"{options.command} takes no command")
    try:
        environment.load_dotenv()
        match options.command:
            case "exec":
                return commands.execute(command, migrated=options.migrate)
            case "up":
                return up.run(command, once=options.once)
            case "status":
                return commands.status()
            case "stop":
                return commands.stop()
            case _:
                return commands.reset(confirmed=options.yes)
    except EmbeddedError as error:
        display.fail(str(error))
        return 1
    except OSError as error:
        # Such as a full disk, or a home that belongs to somebody else: no news for a traceback.
        display.fail(str(error))
        return 1
    except Interrupted as interruption:
        return interruption.exit_code
    except KeyboardInterrupt:
        return 130


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    if "--" not in arguments:
        return arguments, []
    position = arguments.index("--")
    return arguments[:position], arguments[position + 1 :]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m config.embedded",
        description="PostgreSQL, Valkey and Assent on one machine.",
    )
    commands_ = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    execute = commands_.add_parser(
        "exec",
        help="run a command with DATABASE_URL and REDIS_URL set",
        usage="%(prog)s [--migrate] -- CMD ...",
    )
    execute.add_argument("--migrate", action="store_true", help="migrate the database first")
    up = commands_.add_parser(
        "up",
        help="run everything: servers, web, worker, beat",
        usage="%(prog)s [--once] [-- CMD ...]",
    )
    up.add_argument("--once", action="store_true", help="end when CMD ends, with its exit code")
    commands_.add_parser("status", help="show what runs")
    commands_.add_parser("stop", help="stop every command that uses this home, and its servers")
    reset = commands_.add_parser("reset", help="delete all data of the embedded servers")
    reset.add_argument("--yes", action="store_true", help="really delete it")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
