"""Reading a recorder's page in tests."""

from photo_metrics import Recorder
from photo_metrics.exposition import render_text


def new_recorder() -> Recorder:
    """A recorder of a service that no one runs."""
    return Recorder(app="photo-api", version="0", environment="development", node="test")


def sample(recorder: Recorder, name: str, **labels: str) -> float | None:
    """One sample of ``/metrics``; ``None`` where it is absent."""
    wanted = {f'{key}="{value}"' for key, value in labels.items()}
    for line in render_text(recorder.registry).splitlines():
        series, _, value = line.rpartition(" ")
        found, _, inner = series.partition("{")
        if found == name and set(inner.rstrip("}").split(",")) - {""} >= wanted:
            return float(value)
    return None
