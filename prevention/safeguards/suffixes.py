"""Domains under which anybody can have one (https://publicsuffix.org): to block one would block a country's names."""

from __future__ import annotations

from functools import cache

from publicsuffixlist import PublicSuffixList


@cache
def _registries() -> PublicSuffixList:
    """Read the list that comes with the library, once and only where a domain is to be blocked: it takes a while."""
    return PublicSuffixList(only_icann=True)


def refusal_of_domain(domain: str) -> str | None:
    """Return why a domain, in its one spelling, must not be blocked, or None.

    >>> refusal_of_domain("co.uk")
    'co.uk is a public suffix: names of many owners are below it'
    >>> refusal_of_domain("example.co.uk")
    """
    if _registries().is_public(domain):
        return f"{domain} is a public suffix: names of many owners are below it"
    return None
