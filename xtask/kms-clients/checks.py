"""Counting what held, and what every client's run starts from. Shares no code with Strongroom."""

import json
import sys
import traceback


class Checks:
    """Passed and failed checks; a failed one is printed at once."""

    def __init__(self, client):
        self.client = client
        self.passed = 0
        self.failed = 0

    def that(self, name, holds, found=""):
        """Counts one check; returns whether it held."""
        if holds:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAILED {self.client}: {name}: {str(found)[:1500]}", file=sys.stderr)
        return bool(holds)

    def equal(self, name, found, expected):
        return self.that(name, found == expected, f"{found!r:.300} instead of {expected!r:.300}")

    def refused(self, name, expected, call, kinds=Exception):
        """`call` must raise something whose chain of causes names the exception `expected`: the
        encryption libraries wrap what KMS answers. Returns the error."""
        try:
            call()
        except kinds as error:
            self.that(name, expected in names(error), f"{error!r} instead of {expected}")
            return error
        self.that(name, False, f"was answered instead of {expected}")
        return None

    def section(self, name, part, *arguments):
        """Runs one part of a client's run; an unexpected error fails it and ends no other part."""
        try:
            part(*arguments)
        except Exception:
            self.that(name, False, traceback.format_exc())

    def finish(self):
        """Prints the count and ends the process."""
        print(f"{self.client}: {self.passed} checks passed, {self.failed} failed")
        if self.passed == 0:
            sys.exit("no check was made")
        sys.exit(1 if self.failed else 0)


def names(error):
    """Every name that an error and its causes go by, the service's error codes among them."""
    found = set()
    waiting = [error]
    while waiting:
        error = waiting.pop()
        found.add(type(error).__name__)
        response = getattr(error, "response", None)
        if isinstance(response, dict):
            found.add(response.get("Error", {}).get("Code"))
        waiting += [cause for cause in (error.__cause__, error.__context__) if cause is not None]
    return found


def fixtures():
    """The file that `fixtures.py` wrote; its path is the first argument."""
    with open(sys.argv[1], encoding="utf-8") as file:
        return json.load(file)


def unknown_alias(key):
    """An alias beside this key's that nobody made, as an ARN."""
    return key["arn"].rpartition(":")[0] + ":alias/no-such-alias"
