"""Times that are plain numbers: their units, dates written in digits, and placeholders."""

from __future__ import annotations

import numpy as np

_BOUNDS = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))
"""Beyond such a size a number counts nano-, micro- or milliseconds: which is in 1973 for each of them."""
_FIRST, _LAST = -2_208_816_000.0, 9_223_113_600.0
"""From 1900-01-03 to before 2262-04-09. Placeholders such as 1900-01-01 and the last day that pandas knows
lie outside, in every time zone."""
_LAST_DAYS = ((4_102_308_000.0, 4_102_488_000.0), (7_257_981_600.0, 7_258_161_600.0))
"""The last days of 2099 and of 2199, which are written for "never", in every time zone."""
_LARGEST_INT = 2_147_483_647.0
"""The last second of a 32-bit clock, which programs write for "never"."""
_YEAR_9999 = (253_402_128_000.0, 253_402_400_000.0)
"""The last days of 9999 in seconds: by size alone they would be milliseconds of three minutes of 1978."""
_SECONDS = min(_BOUNDS[-1][0], _YEAR_9999[0])
"""Numbers from 0 to below it are seconds."""
_MONTHS = (190_001, 210_012)
"""YYYYMM: the bounds are narrow, since counters of seconds have six digits too."""
_DIGITS = ((8, 1), (12, 10**4), (14, 10**6))
"""YYYYMMDD, and with hhmm or hhmmss behind: the number of digits, and the factor of the date."""


def number_seconds(numbers: np.ndarray, calendar: bool = False) -> np.ndarray:
    """Return plain numbers as seconds since 1970, each read by itself.

    Parameters
    ----------
    numbers : ndarray of float64
        NaN where missing.
    calendar : bool, default=False
        Whether the digits are dates: see :func:`are_calendar_digits`.

    Returns
    -------
    ndarray of float64
        Infinite where a number stands for the end of the year 9999.

    Examples
    --------
    >>> number_seconds(np.array([1.5e9, 1.5e12, 1.5e15])).tolist()
    [1500000000.0, 1500000000.0, 1500000000.0]
    >>> number_seconds(np.array([19700102.0]), calendar=True).tolist()
    [86400.0]
    """
    if calendar:
        return _of_digits(numbers)
    if (
        -_BOUNDS[-1][0] <= np.fmin.reduce(numbers, initial=0)
        and np.fmax.reduce(numbers, initial=0) < _SECONDS
    ):
        return numbers
    size, found = np.abs(numbers), numbers.copy()
    # From milli- to nanoseconds: a number may exceed several bounds, and the largest one holds.
    for bound, per_second in reversed(_BOUNDS):
        found = np.where(size > bound, numbers / per_second, found)
    # In nanoseconds the year 9999 exceeds 64 bits.
    for unit in (1.0, 1e3, 1e6):
        end = (numbers >= _YEAR_9999[0] * unit) & (numbers <= _YEAR_9999[1] * unit)
        found = np.where(end, np.inf, found)
    return found


def are_calendar_digits(numbers: np.ndarray) -> bool:
    """Return whether all numbers, but for zeros and missing ones, are dates written in digits.

    Examples
    --------
    >>> are_calendar_digits(np.array([20150731.0, 20151231.0])), are_calendar_digits(np.array([20159999.0]))
    (True, False)
    >>> are_calendar_digits(np.array([201507.0])), are_calendar_digits(np.array([201507.0, 201513.0]))
    (True, False)
    """
    largest = np.fmax.reduce(numbers, initial=0)
    if np.isfinite(largest) and not are_in_one_calendar(largest, largest):
        return False
    some = numbers[np.isfinite(numbers) & (numbers != 0)]
    if not len(some):
        return False
    low, high = some.min(), some.max()
    # The extremes decide for most columns, before every number is taken apart.
    return are_in_one_calendar(low, high) and not np.isnan(_of_digits(some)).any()


def are_in_one_calendar(low: float, high: float) -> bool:
    """Return whether all numbers between two may be dates of one number of digits."""
    if _MONTHS[0] <= low and high <= _MONTHS[1]:
        return True
    return any(19_000_101 * clock <= low and high < 100_000_000 * clock for _, clock in _DIGITS)


def units_of(numbers: np.ndarray) -> dict[str, int]:
    """Return how many of the numbers are read in each unit.

    Examples
    --------
    >>> units_of(np.array([1.5e9, 1.5e12, 1.6e12]))
    {'seconds': 1, 'milliseconds': 2}
    """
    given = np.isfinite(numbers)
    some = numbers if given.all() else numbers[given]
    if are_calendar_digits(some):
        return {"dates written in digits": len(some)}
    bounds = sorted(bound for bound, _ in _BOUNDS)
    names = ("seconds", "milliseconds", "microseconds", "nanoseconds")
    ends = np.searchsorted(bounds, [some.min(initial=np.inf), some.max(initial=0)])
    if len(some) and some.min() >= 0 and ends[0] == ends[1]:
        return {names[ends[0]]: len(some)}
    counts = np.bincount(np.searchsorted(bounds, np.abs(some)), minlength=4)
    return {name: int(count) for name, count in zip(names, counts, strict=True) if count}


def possible(times: np.ndarray) -> np.ndarray:
    """Return seconds with placeholders as infinite: outside 1900 to 2261, and the usual words for "never"."""
    if np.fmin.reduce(times, initial=0) >= _FIRST and np.fmax.reduce(times, initial=0) < _LARGEST_INT:
        return times
    with np.errstate(invalid="ignore"):
        outside = (times < _FIRST) | (times >= _LAST) | (times == _LARGEST_INT)
        for first, last in _LAST_DAYS:
            outside |= (times >= first) & (times < last)
    return np.where(outside, np.inf, times)


def civil_seconds(year: np.ndarray, month: np.ndarray, day: np.ndarray) -> np.ndarray:
    """Return dates as seconds since 1970; NaN for days that no calendar has."""
    good = (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31) & (year >= 1) & (year <= 9999)
    months = np.where(good, (year - 1970) * 12 + month - 1, 0).astype("datetime64[M]")
    days = months.astype("datetime64[D]") + np.where(good, day - 1, 0)
    good &= days.astype("datetime64[M]") == months
    return np.where(good, days.astype(np.int64) * 86_400.0, np.nan)


def _of_digits(numbers: np.ndarray) -> np.ndarray:
    """Return dates of 8, 12 or 14 digits as seconds; zero stays missing, NaN marks a number that is none."""
    found = np.full(len(numbers), np.nan)
    whole = np.isfinite(numbers) & (np.floor(numbers) == numbers)
    values = np.where(whole, numbers, 0).astype(np.int64)
    # a month counts from its first day
    values = np.where((values >= _MONTHS[0]) & (values <= _MONTHS[1]), values * 100 + 1, values)
    for digits, clock in _DIGITS:
        rows = (values >= 10 ** (digits - 1)) & (values < 10**digits)
        date, time = np.divmod(values, clock)
        # hhmm gets seconds of 00; a date alone has the time 0.
        hour, rest = np.divmod(time * (100 if digits == 12 else 1), 10_000)
        minute, second = np.divmod(rest, 100)
        seconds = civil_seconds(date // 10_000, date // 100 % 100, date % 100)
        good = rows & (hour <= 23) & (minute <= 59) & (second <= 60) & (date >= 19_000_101)
        found = np.where(good, seconds + hour * 3600 + minute * 60 + second, found)
    return found
