"""What numbers look like on the wire, where pydantic would take more than that for one."""


def in_digits(value: object) -> object:
    """A number in a URL: pydantic would also take 1.0, 1_0 and spaces."""
    if isinstance(value, str) and not (value.isascii() and value.isdigit()):
        raise ValueError("must be a number in digits")
    return value


def json_number(value: object) -> object:
    """A whole number in JSON, where 18.0 is one: pydantic would also take "18" and true, or refuse 18.0."""
    if isinstance(value, str | bytes | bool):
        raise ValueError("must be a number")  # noqa: TRY004 - pydantic reports ValueError alone as the client's fault
    return value
