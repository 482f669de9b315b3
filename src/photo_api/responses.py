"""Answers without detours: hot routes hand over plain dicts, which orjson turns into bytes."""

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.responses import Response


def json_response(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:  # noqa: ANN401
    """``content`` as JSON; the route's ``response_model`` documents its shape, and tests hold it to that."""
    return Response(orjson.dumps(content), status, headers, "application/json")
