"""gunicorn's configuration for stories about silent clients, told in a second rather than in thirty."""

from config.gunicorn import *  # noqa: F403
from config.web import serving

serving.STALL = 1
