"""The OpenAPI description is complete: whatever is true of one operation is asked of every one, new ones too."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jsonschema_rs
import pytest
from pydantic import SecretStr

from photo_api.app import create_app
from photo_api.bodies import STREAMED
from photo_api.config import Settings

DESCRIPTION: dict[str, Any] = create_app(Settings(secret_key=SecretStr("k" * 32))).openapi()
SCHEMAS: dict[str, dict[str, Any]] = DESCRIPTION["components"]["schemas"]
PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}


@dataclass(frozen=True)
class Operation:
    """One method of one path."""

    method: str
    path: str
    description: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def statuses(self) -> set[int]:
        return {int(status) for status in self.description["responses"]}

    @property
    def bodies(self) -> dict[str, dict[str, Any]]:
        """Schemas of the body by media type."""
        content = self.description.get("requestBody", {}).get("content", {})
        return {media_type: resolved(described["schema"]) for media_type, described in content.items()}


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema itself where it is a reference."""
    return SCHEMAS[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


def operations() -> list[Operation]:
    return [
        Operation(method.upper(), path, described)
        for path, methods in DESCRIPTION["paths"].items()
        for method, described in methods.items()
    ]


every_operation = pytest.mark.parametrize("operation", operations(), ids=str)
with_json = pytest.mark.parametrize("operation", [o for o in operations() if "application/json" in o.bodies], ids=str)
secured = pytest.mark.parametrize("operation", [o for o in operations() if "security" in o.description], ids=str)

OPEN = {
    ("POST", "/auth/register"),
    ("POST", "/auth/login"),
    ("POST", "/auth/refresh"),
    ("GET", "/share/{token}"),
    ("GET", "/share/{token}/photos/{photo_id}/image"),
    ("HEAD", "/share/{token}/photos/{photo_id}/image"),
    ("PUT", "/storage/{key}"),
    ("GET", "/health"),
    ("GET", "/health/live"),
    ("GET", "/health/ready"),
}
"""What needs no access token. A new operation is secured unless it is named here."""


@every_operation
def test_an_operation_has_a_summary_a_description_and_a_tag(operation: Operation) -> None:
    assert operation.description["summary"]
    assert operation.description["description"]
    assert operation.description["tags"]


def test_operation_ids_are_unique() -> None:
    ids = [operation.description["operationId"] for operation in operations()]
    assert len(ids) == len(set(ids))


@every_operation
def test_an_operation_needs_a_token_unless_it_is_meant_to_be_open(operation: Operation) -> None:
    assert ("security" in operation.description) is ((operation.method, operation.path) not in OPEN)


@secured
def test_an_operation_that_needs_a_token_describes_401(operation: Operation) -> None:
    assert 401 in operation.statuses


@every_operation
def test_an_operation_that_is_limited_describes_429_and_503(operation: Operation) -> None:
    if not operation.path.startswith("/health"):
        assert operation.statuses >= {429, 503}


@every_operation
def test_an_operation_on_an_id_describes_404_and_422(operation: Operation) -> None:
    if "{" in operation.path:
        assert operation.statuses >= {404, 422}


@with_json
def test_an_operation_that_reads_json_describes_what_may_be_wrong_with_it(operation: Operation) -> None:
    assert operation.statuses >= {400, 413, 415, 422}


@every_operation
def test_every_error_is_described_as_a_problem(operation: Operation) -> None:
    errors = {status: answer for status, answer in operation.description["responses"].items() if status >= "400"}
    assert {status: answer.get("content") for status, answer in errors.items()} == dict.fromkeys(errors, PROBLEM)


@every_operation
def test_an_operation_describes_its_success(operation: Operation) -> None:
    """A body with a schema or a binary one, or none at all."""
    successes = [answer for status, answer in operation.description["responses"].items() if status < "300"]
    assert successes
    for answer in successes:
        assert all(content.get("schema") for content in answer.get("content", {}).values())


def test_images_describe_where_a_cdn_s_redirect_leads() -> None:
    images = [o for o in operations() if o.path.endswith("/image")]
    assert {o.method for o in images} == {"GET", "HEAD"}
    for operation in images:
        assert operation.statuses >= {200, 302, 304}
        assert {"Location", "ETag"} == set(operation.description["responses"]["302"]["headers"])


def test_bodies_that_are_not_json_are_those_that_stream() -> None:
    """All others are bounded by `BodyLimitMiddleware`, and the bound knows the streamed ones by name."""
    streamed = {(o.method, o.path) for o in operations() if o.bodies and "application/json" not in o.bodies}
    assert streamed == STREAMED


@with_json
def test_the_example_that_a_body_s_fields_make_is_a_valid_body(operation: Operation) -> None:
    schema = operation.bodies["application/json"]
    example = example_of(schema)
    assert example
    jsonschema_rs.Draft202012Validator({**schema, "components": DESCRIPTION["components"]}).validate(example)


def example_of(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema's own example, or its fields' examples; every field that is required has one."""
    for example in schema.get("examples", []):
        return dict(example)
    examples = {}
    for name, field in schema["properties"].items():
        choices = [field, *map(resolved, field.get("anyOf", []))]
        values = [value for choice in choices for value in (*choice.get("examples", []), *choice.get("enum", []))]
        if values:
            examples[name] = values[0]
        elif field.get("type") == "array":
            examples[name] = field["items"]["examples"]
        assert values or name in examples or name not in schema.get("required", []), f"{name} has no example"
    return examples


def fields(schema: dict[str, Any], where: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every value within a schema that is neither an object nor a choice: where it is, and its schema."""
    schema = resolved(schema)
    for choice in schema.get("anyOf", []):
        yield from fields(choice, where)
    for name, field in schema.get("properties", {}).items():
        yield from fields(field, f"{where}.{name}")
    if "items" in schema:
        yield from fields(schema["items"], f"{where}[]")
    if "type" in schema and schema["type"] != "object":
        yield where, schema


def described_fields() -> list[tuple[str, dict[str, Any]]]:
    """Every field of every object that is sent or answered: where it is, and its schema."""
    objects = dict(SCHEMAS)
    for operation in operations():
        for media_type, schema in operation.bodies.items():
            objects[f"{operation} {media_type}"] = schema
    return [
        (f"{name}.{field}", schema)
        for name, described in objects.items()
        for field, schema in described.get("properties", {}).items()
    ]


@pytest.mark.parametrize(("where", "schema"), described_fields(), ids=[where for where, _ in described_fields()])
def test_every_field_has_an_example_that_fits_it(where: str, schema: dict[str, Any]) -> None:
    """Its own, those of the objects that it holds, or its only possible values; files have none."""
    choices = [schema, *schema.get("anyOf", ())]
    examples = [example for choice in choices for example in choice.get("examples", ())]
    says_it_itself = any(
        {"enum", "const", "$ref"} & set(choice)
        or choice.get("format") == "binary"
        or {"$ref", "examples"} & set(choice.get("items", ()))
        for choice in choices
    )
    assert examples or says_it_itself, f"{where} has no example"
    validator = jsonschema_rs.Draft202012Validator({**schema, "components": DESCRIPTION["components"]})
    assert [example for example in examples if not validator.is_valid(example)] == []


def inputs() -> list[tuple[str, dict[str, Any]]]:
    """Every field and parameter that a client fills in."""
    found: list[tuple[str, dict[str, Any]]] = []
    for operation in operations():
        for media_type, schema in operation.bodies.items():
            if media_type in {"application/json", "multipart/form-data"}:
                found += fields(schema, f"{operation} body")
        for parameter in operation.description.get("parameters", []):
            found += fields(parameter["schema"], f"{operation} {parameter['name']}")
    return found


@pytest.mark.parametrize(("where", "schema"), inputs(), ids=[where for where, _ in inputs()])
def test_every_input_has_bounds(where: str, schema: dict[str, Any]) -> None:
    match schema["type"]:
        case "string":
            bounded = bool({"maxLength", "enum", "const"} & set(schema)) or schema.get("format") in {"uuid", "binary"}
            assert bounded or is_finite(schema["pattern"]), where
        case "integer" | "number":
            assert {"minimum", "maximum"} <= set(schema), where
        case "array":
            assert "maxItems" in schema, where
        case "boolean" | "null":
            pass
        case other:
            pytest.fail(f"{where}: {other}")


def is_finite(pattern: str) -> bool:
    """Whether a pattern that is anchored bounds the length."""
    return pattern.startswith("^") and pattern.endswith("$") and not set("*+") & set(pattern) and ",}" not in pattern


@with_json
def test_a_body_has_no_fields_but_the_described_ones(operation: Operation) -> None:
    assert operation.bodies["application/json"]["additionalProperties"] is False


def test_every_parameter_has_an_example_and_every_operation_declares_what_each_can_answer() -> None:
    operations = [
        operation
        for path, item in DESCRIPTION["paths"].items()
        if not path.startswith("/health")
        for operation in item.values()
    ]
    assert len(operations) > 25
    for operation in operations:
        assert {"429", "500", "503"} <= set(operation["responses"])
        for parameter in operation.get("parameters", ()):
            schema = parameter["schema"]
            assert parameter.get("examples") or schema.get("examples"), (operation["operationId"], parameter["name"])
