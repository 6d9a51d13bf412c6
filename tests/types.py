"""The settings as mypy reads them: it signs nothing and serves nobody, so any key will do."""

import os

os.environ.setdefault("SECRET_KEY", "only-to-read-the-settings")

from config.settings import *  # noqa: F403
