"""``python -m photo_api`` is ``photo-api``."""

from photo_api.cli import app

app()
