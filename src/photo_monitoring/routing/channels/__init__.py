"""Every channel: each module here declares one, under the name `CHANNEL`."""

import importlib
import pkgutil
from typing import Final

from photo_monitoring.routing.channel import Channel


def _found() -> dict[str, type[Channel]]:
    modules = sorted(module.name for module in pkgutil.iter_modules(__path__))
    classes = [importlib.import_module(f"{__name__}.{name}").CHANNEL for name in modules]
    return {one.name: one for one in classes}


CHANNELS: Final[dict[str, type[Channel]]] = _found()
"""Table of `monitoring.toml` → the channel's class, by name."""
