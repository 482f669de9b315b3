"""The reference pages that are rendered from the declarations."""

from pathlib import Path

from photo_monitoring.settings import Settings
from photo_monitoring.traceability import render_traceability


def render_reference(settings: Settings) -> dict[str, str]:
    """Return file name → text of every reference page."""
    return {"traceability.md": render_traceability(settings)}


def write_reference(folder: Path, settings: Settings) -> list[Path]:
    """Write the reference pages into `folder`; return what changed."""
    changed = []
    for name, text in render_reference(settings).items():
        target = folder / name
        if target.is_file() and target.read_text(encoding="utf-8") == text:
            continue
        folder.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        changed.append(target)
    return changed


def reference_drift(folder: Path, settings: Settings) -> list[str]:
    """Return one line for each reference page that rendering would change."""
    return [
        f"{folder / name} differs from its declarations: run `photo-monitoring render`"
        for name, text in render_reference(settings).items()
        if not (folder / name).is_file() or (folder / name).read_text(encoding="utf-8") != text
    ]
