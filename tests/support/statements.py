"""What a PostgreSQL database was asked, by its server's own log."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg


@dataclass
class StatementLog:
    """The statements of one database, those of others on the same server left out."""

    path: Path
    database: str
    at: int = 0

    def mark(self) -> None:
        """Forget what was asked until now."""
        self.at = self.path.stat().st_size

    def _lines(self) -> Iterator[str]:
        with self.path.open("rb") as file:
            file.seek(self.at)
            ours = False
            for line in file.read().decode().splitlines():
                if not line.startswith("\t"):  # which a further line of the same message does
                    ours = line.startswith(f"{self.database} ")
                if ours:
                    yield line.removeprefix(f"{self.database} ")

    def statements(self) -> list[str]:
        """What came since the mark, in order; the log is written before a statement is run."""
        found = []
        for line in self._lines():
            kind, _, text = line.removeprefix("LOG:  ").partition(": ")
            if kind == "statement" or kind.startswith("execute "):
                found.append(text)
        return found

    def plans(self) -> list[dict[str, Any]]:
        """By auto_explain: ``Query Text`` and ``Plan`` of all that was run since the mark, foreign keys' included."""
        found: list[dict[str, Any]] = []
        collected: list[str] | None = None
        for line in self._lines():
            if line.startswith("LOG:  duration") and line.endswith("plan:"):
                collected = []
            elif collected is not None:
                collected.append(line)
                if line == "\t}":
                    found.append(json.loads("\n".join(collected)))
                    collected = None
        return found


async def log_statements(url: str, *, plans: bool = False) -> StatementLog:
    """Have all future connections to a database logged, with the plans of what they run where ``plans``."""
    connection = await asyncpg.connect(url)
    try:
        name = url.rsplit("/", 1)[1]
        settings = {"log_statement": "all"}
        if plans:
            settings = {
                "session_preload_libraries": "auto_explain",
                "auto_explain.log_min_duration": "0",
                "auto_explain.log_analyze": "on",
                "auto_explain.log_buffers": "on",
                "auto_explain.log_timing": "off",
                "auto_explain.log_format": "json",
                "auto_explain.log_nested_statements": "on",
            }
        await connection.execute("LOAD 'auto_explain'")  # only then its settings are known
        for setting, value in settings.items():
            await connection.execute(f"ALTER DATABASE {name} SET {setting} = '{value}'")
        data = await connection.fetchval("SHOW data_directory")
    finally:
        await connection.close()
    log = StatementLog(Path(data).parent / "log", name)
    log.mark()
    return log


def walk(plan: dict[str, Any], visit: Callable[[dict[str, Any]], None]) -> None:
    """Call ``visit`` with every node of a plan."""
    visit(plan)
    for child in plan.get("Plans", ()):
        walk(child, visit)
