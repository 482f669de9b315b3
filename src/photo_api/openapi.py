"""The OpenAPI description: every error as problem+json, nothing that FastAPI assumes and we do not do."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from photo_api.errors import PROBLEM_JSON, Problem, problems


def install_openapi(app: FastAPI) -> None:
    """Give ``app`` its description, made once, at first use."""

    def describe() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(
                title=app.title,
                version=app.version,
                summary="Stores photos and shares them",
                license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
                routes=app.routes,
            )
            _say_what_bodies_meet(schema)
            _say_problem_json(schema)
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = describe  # type: ignore[method-assign]  # FastAPI's documented way to change the description


def _say_what_bodies_meet(schema: dict[str, Any]) -> None:
    """Wherever JSON is read it may be malformed, too large, of another type, or refused by its schema."""
    described = {str(status): answer["description"] for status, answer in problems(400, 413, 415, 422).items()}
    for path in schema.get("paths", {}).values():
        for operation in path.values():
            if "application/json" in operation.get("requestBody", {}).get("content", {}):
                answers = operation["responses"]
                answers.update(
                    {status: {"description": text} for status, text in described.items() if status not in answers}
                )
                operation["responses"] = dict(sorted(answers.items()))


def _say_problem_json(schema: dict[str, Any]) -> None:
    """FastAPI describes its own 422 body and puts models under application/json; ours are problem+json."""
    components = schema.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        components.pop(name, None)
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    components.update(problem.pop("$defs", {}))
    components["Problem"] = problem
    for path in schema.get("paths", {}).values():
        for operation in path.values():
            for status, answer in operation.get("responses", {}).items():
                if int(status) >= 400:
                    answer["content"] = {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}}
