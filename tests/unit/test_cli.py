"""The command ``photo-api`` as such."""

import subprocess
import sys

HEAVY = {"alembic", "asyncpg", "fastapi", "sqlalchemy", "uvicorn", "uvloop"}
"""What takes most of the time that importing everything takes."""


def test_help_loads_neither_the_web_framework_nor_the_database_s_libraries() -> None:
    script = (
        "import sys\n"
        "from photo_api.cli import app\n"
        "app(['--help'], standalone_mode=False)\n"
        "print('loaded:', *sorted(sys.modules), sep='\\n')"
    )
    run = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=60)
    said, _, loaded = run.stdout.partition("loaded:")
    assert "serve" in said
    assert HEAVY & set(loaded.split()) == set()
