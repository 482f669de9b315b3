"""What the writer of an unknown key may have meant."""

import difflib
from collections.abc import Iterable
from typing import Final

FEW: Final = 12
"""So many names a line of a message may list."""


def likely(name: str, known: Iterable[str], few: int = FEW) -> str:
    """Say which known name was probably meant, else which there are when those are few; to end a message with."""
    folded = {one.lower(): one for one in known}
    close = difflib.get_close_matches(name.lower(), folded, n=1, cutoff=0.6)
    if close:
        return f"; did you mean {folded[close[0]]}?"
    return f"; there are {', '.join(folded.values())}" if 0 < len(folded) <= few else ""
