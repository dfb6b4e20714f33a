"""`python -m checks FILE.toml ...`: whether declared log kinds hold to what every kind must."""

from __future__ import annotations

import sys

from checks.kind import CHECKS
from checks.subject import Subject
from online_models.errors import DeclarationError
from online_models.kinds import KINDS, declare


def main(files: list[str]) -> int:
    """Check the kinds of these declarations; return the status: 1 if anything does not hold."""
    failed = 0
    declare(files)
    for name in [name for name, kind in KINDS.items() if kind.declaration]:
        subject = Subject(KINDS[name])
        for check in CHECKS:
            try:
                check(subject)
            except AssertionError as wrong:
                failed += 1
                sys.stdout.write(f"{name}: {check.__name__}: no\n  {check.__doc__}\n  {wrong}\n")
            else:
                sys.stdout.write(f"{name}: {check.__name__}: yes\n")
    return int(failed > 0)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except DeclarationError as problem:
        sys.exit(f"checks: {problem}")
