"""The one error that commands show as a sentence instead of a traceback."""


class EmbeddedError(Exception):
    """Something on this machine stops the embedded servers; the message says what and what to do."""
