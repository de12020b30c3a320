"""Which bytes of something a request asks for, and whether it has them already.

Source: RFC 9110, 13 (conditions) and 14 (ranges).
"""

import re

from starlette.requests import Request

from greenlane.web.problems import RangeNotSatisfiable

_RANGE = re.compile(r"bytes=\s*([0-9]{0,18})-([0-9]{0,18})\s*", re.ASCII).fullmatch


def has(request: Request, tag: str) -> bool:
    """Whether the asker says that it has these bytes."""
    told = request.headers.get("if-none-match")
    return told is not None and (told.strip() == "*" or tag in (each.strip().removeprefix("W/") for each in told.split(",")))


def asks_range(request: Request, tag: str) -> bool:
    """Whether the request asks for a part of what has this tag."""
    text = request.headers.get("range")
    # With another tag, or a date, the asker wants all of what is here now.
    if text is None or request.headers.get("if-range", tag).strip() != tag:
        return False
    parts = _RANGE(text)
    # Several ranges and other units may be ignored, and are.
    return parts is not None and any(parts.groups()) and not (parts[1] and parts[2] and int(parts[1]) > int(parts[2]))


def range_of(request: Request, size: int, tag: str) -> tuple[int, int]:
    """From which byte to before which one.

    Raises:
        RangeNotSatisfiable: it begins behind the end.
    """
    if not asks_range(request, tag):
        return 0, size
    parts = _RANGE(request.headers["range"])
    assert parts is not None  # noqa: S101 - as `asks_range` found
    first, last = parts.groups()
    if not first:
        count = min(int(last), size)
        if count == 0:
            raise RangeNotSatisfiable(size)
        return size - count, size
    if int(first) >= size:
        raise RangeNotSatisfiable(size)
    return int(first), size if not last else min(int(last) + 1, size)
