"""What secrets and names among the settings may look like: headers, which carry them, take not all characters."""


def one_line(text: str) -> str:
    """The text without the line break that a mounted file or a copy leaves at its end.

    Raises:
        ValueError: nothing is left, a space is around it, or it has characters that cannot be seen.
    """
    line = text.strip("\r\n")
    if not line:
        raise ValueError("is empty")
    if line != line.strip() or not line.isprintable():
        raise ValueError("must be one line of visible characters, without spaces around it; copy it again")
    return line
