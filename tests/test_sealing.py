"""Secrets at rest: unreadable, and readable again after a key was changed."""

import pytest

from metabuilder.sealing import CannotUnseal, seal, unseal


def test_what_is_sealed_opens_again_and_says_nothing():
    sealed = seal("a key")
    assert unseal(sealed) == "a key"
    assert "a key" not in sealed
    assert seal("a key") != sealed


def test_an_older_secret_key_opens_it_as_long_as_it_is_a_fallback(settings):
    sealed = seal("a key")
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another one"
    assert unseal(sealed) == "a key"
    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(CannotUnseal, match="enter it again"):
        unseal(sealed)


@pytest.mark.parametrize("text", ["", "x", "gAAAAA=="])
def test_what_was_never_sealed_does_not_open(text):
    with pytest.raises(CannotUnseal):
        unseal(text)
