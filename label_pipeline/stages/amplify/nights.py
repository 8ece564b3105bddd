"""Which nights were missed: days since the first labelled one of which nothing, or not everything, is booked."""

from collections.abc import Collection
from datetime import date, timedelta


def missed_nights(booked: Collection[date], unfinished: Collection[date], until: date, nights: int) -> list[date]:
    """Days without whole books in the last ``nights`` before ``until``, after the first day that has any.

    A run that met a lock or a dead daemon booked nothing; one that ended half-way booked
    a part. A closed gate, a reached cap and a day without candidates are booked, and no gap.

    Args:
        booked: days with books.
        unfinished: days with candidates that are in no run's books.
        until: the day that is labelled anyway; not among them.
        nights: how far back to look.
    """
    if not booked:
        return []
    first, known = min(booked), set(booked) - set(unfinished)
    days = [until - timedelta(days=ago) for ago in range(nights, 0, -1)]
    return [day for day in days if day >= first and day not in known]
