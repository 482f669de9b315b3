"""What the health routes answer."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class HealthReport(BaseModel):
    """A ready instance; ``degraded`` where a shared dependency is away."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "status": "ok",
                "dependencies": {"database": "up", "object_storage": "up", "log_service": "up"},
            }
        }
    )

    status: Literal["ok", "degraded"]
    dependencies: dict[str, Literal["up", "down"]] = Field(
        description="what the last probe of each found",
        examples=[{"database": "up", "object_storage": "up", "log_service": "up"}],
    )


class Liveness(BaseModel):
    """A process that answers."""

    status: Literal["ok"]
