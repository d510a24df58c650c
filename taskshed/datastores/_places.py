"""What is shown of where a datastore is."""


def no_secret(part: str, signs: str) -> str:
    """A part of a URL that may be shown: with one sign too many or too few, a password would stand in another part."""
    return "…" if set(signs) & set(part) else part
