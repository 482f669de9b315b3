"""Durations as Prometheus writes them (`30s`, `1h30m`), scaled for drills, and in words, Korean and English."""

import re
from typing import Final

_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_PART: Final = re.compile(r"(\d+)(ms|[smhdw])")
_WHOLE: Final = re.compile(r"(?:\d+(?:ms|[smhdw]))+")
_WORDS: Final = {
    "ko": {"d": "일", "h": "시간", "m": "분", "s": "초", "ms": "밀리초"},
    "en": {"d": "day", "h": "hour", "m": "minute", "s": "second", "ms": "millisecond"},
}


def is_duration(text: str) -> bool:
    """Say whether `text` is a duration such as `5m` or `6d23h30m`."""
    return _WHOLE.fullmatch(text) is not None


def seconds(text: str) -> float:
    """Return the seconds in a duration; ValueError when it is none."""
    if not is_duration(text):
        msg = f"not a duration: {text!r} (write it as in 30s, 5m, 1h30m)"
        raise ValueError(msg)
    return sum(int(number) * _SECONDS[unit] for number, unit in _PART.findall(text))


def _parts(value: float, *, weeks: bool = True) -> list[tuple[int, str]]:
    rest = round(value * 1000)
    parts = []
    for unit in ("w", "d", "h", "m", "s", "ms")[0 if weeks else 1 :]:
        size = round(_SECONDS[unit] * 1000)
        number, rest = divmod(rest, size)
        if number:
            parts.append((number, unit))
    return parts or [(0, "s")]


def duration(value: float) -> str:
    """Write seconds as Prometheus does: 90 → `1m30s`."""
    return "".join(f"{number}{unit}" for number, unit in _parts(value))


def scaled(text: str, time_scale: float) -> str:
    """Divide a duration by `time_scale`; at 1 the text stays as it was written."""
    return text if time_scale == 1 else duration(seconds(text) / time_scale)


def words(text: str, lang: str) -> str:
    """Say a duration in words, in days at most: `5m` → `5분` or `5 minutes`, `30d` → `30일`."""
    names, parts = _WORDS[lang], _parts(seconds(text), weeks=False)
    if lang == "ko":
        return " ".join(f"{number}{names[unit]}" for number, unit in parts)
    return " ".join(f"{number} {names[unit]}{'' if number == 1 else 's'}" for number, unit in parts)
