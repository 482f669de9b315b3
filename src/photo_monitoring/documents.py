"""The reference pages that are rendered from the declarations."""

from pathlib import Path

from photo_monitoring.configuration.settings import Settings
from photo_monitoring.runbooks.checks import INDEX
from photo_monitoring.runbooks.index import render_index
from photo_monitoring.traceability import render_traceability


def render_reference(settings: Settings) -> dict[str, str]:
    """Return file name → text of every reference page."""
    return {"traceability.md": render_traceability(settings)}


def _files(folder: Path, settings: Settings) -> dict[Path, str]:
    """Return path → text: the reference pages, and the index of the runbooks where these are beside them."""
    files = {folder / name: text for name, text in render_reference(settings).items()}
    runbooks = folder.parent / "runbooks"
    return files | ({runbooks / INDEX: render_index(runbooks)} if runbooks.is_dir() else {})


def write_reference(folder: Path, settings: Settings) -> list[Path]:
    """Write the reference pages into `folder`, and the runbooks' index beside it; return what changed."""
    changed = []
    for target, text in _files(folder, settings).items():
        if target.is_file() and target.read_text(encoding="utf-8") == text:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        changed.append(target)
    return changed


def reference_drift(folder: Path, settings: Settings) -> list[str]:
    """Return one line for each page that rendering would change."""
    return [
        f"{target} differs from its declarations: run `photo-monitoring render`"
        for target, text in _files(folder, settings).items()
        if not target.is_file() or target.read_text(encoding="utf-8") != text
    ]
