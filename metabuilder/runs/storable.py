"""What of other people's text may go into a database: PostgreSQL takes no NUL, no driver half a character."""

from typing import Any


def storable(text: str) -> str:
    return text.replace("\0", "\ufffd").encode(errors="replace").decode()


def storable_json(value: Any) -> Any:  # Any: JSON
    """Clean every string of a JSON value, keys included."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, list | tuple):
        return [storable_json(item) for item in value]
    if isinstance(value, dict):
        return {storable(str(key)): storable_json(item) for key, item in value.items()}
    return value
