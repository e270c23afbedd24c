"""Metadata: any JSON object, of which the known patterns are held to their types.

A stressor, a goal or a conversation is known by the key that names it; other keys pass through as they are.
"""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, NonNegativeInt

from memdb import values


class MemoryMetadata(BaseModel):
    """What metadata of any tier may say."""

    model_config = ConfigDict(extra="allow", hide_input_in_errors=True)
    __pydantic_extra__: dict[str, JsonValue] = Field(init=False)

    source: str | None = None
    access_count: NonNegativeInt | None = None


class StressorMetadata(MemoryMetadata):
    """What weighs on the user, or that something does, as personal memories note it; intensity goes from 0 to 10."""

    stressor: str | bool
    emotion: str | None = None
    category: str | None = None
    intensity: Annotated[float, Field(ge=0, le=10)] | None = None


class GoalMetadata(MemoryMetadata):
    """How far the user has come with a goal, as project memories note it."""

    goal_id: str
    milestone: str | None = None
    completion_percentage: Annotated[float, Field(ge=0, le=100)] | None = None


class ConversationMetadata(MemoryMetadata):
    """Where in which conversation something was said, as task memories note it."""

    conversation_id: str
    exchange_type: str | None = None
    eliza_response_tone: str | None = None


PATTERNS: dict[str, type[MemoryMetadata]] = {
    "stressor": StressorMetadata,
    "goal_id": GoalMetadata,
    "conversation_id": ConversationMetadata,
}


def _checked(value: Any) -> Any:
    """The metadata as they came, if those of each pattern in them have its types."""
    if isinstance(value, MemoryMetadata):
        return value.model_dump(exclude_unset=True)
    values.json_object(value)
    for pattern in [PATTERNS[key] for key in PATTERNS if key in value] or [MemoryMetadata]:
        pattern.model_validate(value, strict=True)
    return value


Metadata = Annotated[dict[str, Any], BeforeValidator(_checked)]
"""A JSON object, from a dict or from one of the classes above. It is stored as it came.

What cannot be stored at all is found by Schema.checked."""
