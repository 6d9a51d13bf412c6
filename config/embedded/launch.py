"""The first moments of every child: drop privileges, ask to die with the parent, become the command.

Run as a script by path, in a fresh interpreter: doing this between fork and exec of a process that
may have threads can deadlock, and the kernel forgets the parent-death signal when the user changes,
so it must be asked for last.

    launch.py <signal> <parent's pid> <uid or -> <gid or -> <command> [argument ...]
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    number, parent, uid, gid, *command = sys.argv[1:]
    # Everything is loaded before the change of user, who may not be able to read this Python.
    library = ctypes.CDLL(None)
    if uid != "-":
        os.setgroups([])
        os.setgid(int(gid))
        os.setuid(int(uid))
        os.umask(0o077)
    if sys.platform == "linux":
        library.prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
    # The parent may have died before the request: then nobody is left to send the signal.
    if os.getppid() != int(parent):
        sys.exit(1)
    try:
        os.execvp(command[0], command)  # noqa: S606
    except OSError as error:
        print(f"cannot run {command[0]}: {error.strerror}", file=sys.stderr)
        sys.exit(127 if isinstance(error, FileNotFoundError) else 126)


if __name__ == "__main__":
    main()
