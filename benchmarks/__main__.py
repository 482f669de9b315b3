"""``python -m benchmarks [NAME…]``: run the benchmarks, show their ratios, keep them as JSON."""

import json
import platform
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from benchmarks.measure import Result

NAMES = ("instrumentation", "uploads", "hashing", "hot_reads", "totals", "rules")
RESULTS = Path(__file__).parent / "results"


def main(
    names: Annotated[list[str] | None, typer.Argument(help=f"which: {', '.join(NAMES)}; all by default")] = None,
    seconds: Annotated[float, typer.Option(min=1, max=60, help="length of one turn of load")] = 4.0,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON instead of a table")] = False,
) -> None:
    """Measure, each against something else in the same run."""
    unknown = set(names or ()) - set(NAMES)
    if unknown:
        raise typer.BadParameter(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    results: list[Result] = []
    for name in names or NAMES:
        sys.stderr.write(f"{name}\n")
        results += import_module(f"benchmarks.{name}").run(seconds)
    report = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
        "results": [asdict(result) for result in results],
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{report['at']}.json".replace(":", "")
    path.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    if as_json:
        sys.stdout.write(json.dumps(report, ensure_ascii=False) + "\n")
        return
    table = Table("benchmark", "figures", "target", "met", box=None, header_style="bold")
    for result in results:
        figures = "\n".join(f"{name}: {value}" for name, value in result.figures.items())
        met = {True: "yes", False: "no", None: "–"}[result.met]
        table.add_row(result.name, figures, result.target, met)
    console = Console()
    console.print(table)
    console.print(f"kept in {path}", highlight=False)


app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
app.command()(main)

if __name__ == "__main__":
    app()
