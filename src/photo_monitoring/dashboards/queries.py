"""From a panel's query to PromQL with Grafana's variables.

Besides the rules' placeholders (see `photo_monitoring.expressions`) a query may have:

- `$rate`, the window that fits the board's step (`$__rate_interval`);
- the variables `$instance`, `$endpoint`, `$service`, `$host`, `$version`, `$environment`, `$slo`, and `$on_node` for
  the variable `node` (`$node` is the rules' matcher of node_exporter's job);
- what is short for them: `$picked` (the chosen instances of the service), `$asked` (requests that people sent to the
  chosen endpoints of those), `$timed_asked` (those whose duration is ours), `$limited` (the limiter's view of them),
  `$external` (the chosen external services) and `$hosts` (the chosen hosts).
"""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from photo_monitoring.expressions import fill

if TYPE_CHECKING:
    from photo_monitoring.configuration.settings import Settings

VARIABLES: Final = ("instance", "endpoint", "service", "host", "node", "version", "environment", "slo")

_SHORT: Final = {
    "picked": '$api, instance=~"$instance"',
    "asked": '$api, instance=~"$instance", $traffic, handler=~"$endpoint"',
    "timed_asked": '$api, instance=~"$instance", $timed, handler=~"$endpoint"',
    "limited": '$api, instance=~"$instance", endpoint=~"$endpoint"',
    "external": '$api, instance=~"$instance", service=~"$service"',
    "hosts": '$node, instance=~"$host"',
}

# What Grafana fills in must pass through our own filling in, and through the renaming of the label `instance`, unseen.
_ALIASES: Final = {"rate": "__rate_interval", "on_node": "node"}
_NAMES: Final = (*(name for name in VARIABLES if name not in _ALIASES.values()), *_ALIASES)
_GRAFANA: Final = {name: chr(0xE000 + index) for index, name in enumerate(_NAMES)}
_SPELLED: Final = {mark: f"${_ALIASES.get(name, name)}" for name, mark in _GRAFANA.items()}
_PLACEHOLDER: Final = re.compile(r"(?<!\$)\$([a-z_]+)")
_USED: Final = re.compile(r"\$([a-zA-Z_]\w*)")


def _replace(text: str, values: Mapping[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda match: values.get(match.group(1), match.group()), text)


def query(expr: str, settings: "Settings") -> str:
    """Return a query with Grafana's variables in it; `UnknownPlaceholderError` names a placeholder that is none."""
    text = fill(_replace(_replace(expr, _SHORT), _GRAFANA), settings)
    for mark, spelled in _SPELLED.items():
        text = text.replace(mark, spelled)
    return text


def used_variables(text: str) -> set[str]:
    """Return the names of Grafana's variables in a text, without its built-in ones."""
    return {name for name in _USED.findall(text) if not name.startswith("__")}


def filled_in(text: str, rate: str = "2m", **chosen: str) -> str:
    """Return a query as Prometheus gets it: variables as chosen, the rest All."""
    values = {**dict.fromkeys(VARIABLES, ".+"), **chosen, "__rate_interval": rate}
    return _USED.sub(lambda match: values.get(match.group(1), match.group()), text)
