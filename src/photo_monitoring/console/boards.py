"""The dashboards that the console shows: Grafana's own JSON files, `<folder>/<ko|en>/<uid>.json`."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from photo_monitoring.configuration.settings import LANGUAGES, Language
from photo_monitoring.console.settings import ConsoleError

_PACKAGED: Final = Path(__file__).parent / "dashboards"
_CHECKOUT: Final = Path(__file__).parents[3] / "deploy" / "monitoring" / "grafana" / "dashboards"
_UID: Final = re.compile(r"[A-Za-z0-9_-]{1,40}")
# The order in which one looks at them; others follow by title.
_FIRST: Final = (
    "photo-api-overview",
    "photo-api-slo",
    "photo-api-fleet",
    "photo-api-growth",
    "photo-api-detail",
    "photo-api-pipeline",
)


@dataclass(frozen=True, slots=True)
class Board:
    """One dashboard in one language, as Grafana would load it."""

    uid: str
    title: str
    content: bytes


def default_folder() -> Path:
    """Return where the dashboards are: in the installed package, or in the checkout that it runs from."""
    return _PACKAGED if _PACKAGED.is_dir() else _CHECKOUT


class Boards:
    """All dashboards by language and uid, read at the start."""

    def __init__(self, folder: Path) -> None:
        self._boards = {lang: _read(folder / lang) for lang in LANGUAGES}
        if not any(self._boards.values()):
            raise ConsoleError(
                f"--dashboards {folder} has no ko/*.json or en/*.json; `photo-monitoring render` writes them"
            )

    def listed(self, lang: Language) -> list[Board]:
        """Return the dashboards of one language, in the order of the menu."""
        return list(self._boards[lang].values())

    def find(self, uid: str, lang: Language) -> Board | None:
        """Return one dashboard, in another language where this one lacks it."""
        languages = (lang, *LANGUAGES)
        return next((self._boards[one][uid] for one in languages if uid in self._boards[one]), None)


def _read(folder: Path) -> dict[str, Board]:
    boards = [_board(path) for path in sorted(folder.glob("*.json"))]
    order = {uid: place for place, uid in enumerate(_FIRST)}
    return {one.uid: one for one in sorted(boards, key=lambda one: (order.get(one.uid, len(order)), one.title))}


def _board(path: Path) -> Board:
    try:
        content = path.read_bytes()
        document = json.loads(content)
        uid, title, panels = document["uid"], document["title"], document["panels"]
    except OSError as error:
        raise ConsoleError(f"--dashboards: {path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise ConsoleError(f"--dashboards: {path} is no dashboard of Grafana (JSON with uid, title, panels)") from None
    if not (isinstance(uid, str) and _UID.fullmatch(uid) and isinstance(title, str) and isinstance(panels, list)):
        raise ConsoleError(f"--dashboards: {path}: uid, title or panels is not what Grafana takes")
    return Board(uid, title, content)
