"""Counts primes, by the sieve of Eratosthenes: pure arithmetic, no messages, no clock."""

from __future__ import annotations


def primes_below(below: int) -> int:
    """Return how many primes are smaller than `below`, by the sieve of Eratosthenes."""
    if below <= 2:  # noqa: PLR2004 - the first prime
        return 0
    #: Stands for the odd numbers: index i is 2i + 1. The place of 1 counts for the prime 2.
    odd = bytearray([1]) * (below // 2)
    number = 3
    while number * number < below:
        if odd[number // 2]:
            odd[number * number // 2 :: number] = bytes(
                len(range(number * number // 2, len(odd), number))
            )
        number += 2
    return sum(odd)
