"""Time, as something that can be given."""

from collections.abc import Callable
from datetime import datetime

Clock = Callable[[], datetime]
"""Answers with the time now, aware UTC."""
