"""Documents as YAML that people can read, too."""

from typing import Final

import yaml

HEADER: Final = "# Rendered by `photo-monitoring render` from src/photo_monitoring; changes made here are lost.\n"


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks, so that PromQL stays readable, and repeats what occurs twice."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def to_yaml(document: object) -> str:
    """Write a document as YAML: keys in the order given, Hangul as it is, no line broken."""
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000)
