"""How values of the environment are read: strictly, so that a misspelt one is refused, not guessed."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

TRUE = {"true", "1", "yes", "on"}
FALSE = {"false", "0", "no", "off"}
MIN_KEY_CHARACTERS = 50


def read_choice(env: environ.Env, name: str, choices: tuple[str, ...]) -> str:
    """Read one of `choices`, the first where it is unset."""
    value: str = env.str(name, default="") or choices[0]
    if value not in choices:
        raise ImproperlyConfigured(f"{name} is {value!r}; it must be one of {', '.join(choices)}.")
    return value


def read_flag(env: environ.Env, name: str) -> bool | None:
    """Read a three-valued switch: True, False, or None where it is unset or empty."""
    text: str = env.str(name, default="").strip().lower()
    if not text:
        return None
    if text in TRUE:
        return True
    if text in FALSE:
        return False
    raise ImproperlyConfigured(f"{name} is {text!r}; write true or false, or leave it unset.")


def read_int(env: environ.Env, name: str, default: int, bounds: tuple[int, int]) -> int:
    text: str = env.str(name, default="").strip()
    low, high = bounds
    try:
        value = int(text) if text else default
    except ValueError:
        raise ImproperlyConfigured(f"{name} is {text!r}; write a whole number.") from None
    if not low <= value <= high:
        raise ImproperlyConfigured(f"{name} is {value}; it must be from {low} to {high}.")
    return value


def read_secret_key(env: environ.Env, environment: str, data_dir: Path) -> str:
    """Production and staging must name a key; development makes one and keeps it in `data_dir`."""
    key: str = env.str("SECRET_KEY", default="")
    if key and (environment == "development" or len(key) >= MIN_KEY_CHARACTERS):
        return key
    if environment != "development":
        raise ImproperlyConfigured(
            f"SECRET_KEY is missing or shorter than {MIN_KEY_CHARACTERS} characters, and METABUILDER_ENV is "
            f"{environment}. Make one: python -c 'import secrets; print(secrets.token_urlsafe(64))'"
        )
    return _development_key(data_dir / "secret_key")


def _development_key(path: Path) -> str:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(64))
        with suppress(FileExistsError):  # another process was first: its key counts
            os.link(draft, path)
        draft.unlink()
    return path.read_text()
