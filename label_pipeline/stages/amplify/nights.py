"""Which nights were missed: days between labelled ones of which nothing is booked."""

from collections.abc import Collection
from datetime import date, timedelta


def missed_nights(booked: Collection[date], until: date, nights: int) -> list[date]:
    """Days without books in the last ``nights`` before ``until``, after the first day that has any.

    A run that met a lock or a dead daemon booked nothing; a closed gate or a reached cap is booked, and no gap.

    Args:
        booked: days with books.
        until: the day that is labelled anyway; not among them.
        nights: how far back to look.
    """
    if not booked:
        return []
    first, known = min(booked), set(booked)
    days = [until - timedelta(days=ago) for ago in range(nights, 0, -1)]
    return [day for day in days if day > first and day not in known]
