"""What a kind's formulas may ask: what entries hold, the device's windows, and the changes of entries."""

from __future__ import annotations

from online_models.measures.past import MEMORY, UNUSUAL
from online_models.measures.time import DAY, SETTLING
from online_models.program import operations as op
from online_models.program.program import Program, Value, exp2, least, log2, most, root, where
from online_models.program.registers import HOUR_SHARE

__all__ = ["Measures", "Program", "Value", "exp2", "least", "log2", "most", "root", "where"]

LEAST_GAPS, PAUSE = 3.0, 3.0
"""Records of a thing before its beat is looked at; and log2 of one second and its mean gap for a full beat."""


class Measures(Program):
    """A program with every measure by its name; see `online_models.measures`."""

    # what entries hold

    def get(self, key: str, column: str) -> Value:
        """Return what a key's entry holds, 0 if there is none."""
        return self.result(op.GET, self.key(key), self.column(key, column))

    def get_nth(self, key: str, column: str, nth: Value) -> Value:
        """Return what the n-th column from this one holds."""
        return self.result(op.GET_NTH, self.key(key), self.column(key, column), self.register_of(nth))

    def found(self, key: str) -> Value:
        """Return 1 if there is an entry, else 0."""
        return self.result(op.FOUND, self.key(key))

    def since(self, key: str) -> Value:
        """Return the seconds since an entry was learned first, 0 if it never was."""
        return self.result(op.SINCE, self.key(key))

    def past(self, owner: str) -> Value:
        """How much past a device or the site has, 0 to 1: none in a day, in which all that is done daily is new."""
        return least(1.0, most(0.0, self.since(owner) - DAY) / SETTLING)

    def gap(self, key: str) -> Value:
        """Return the seconds since an entry was used last, 0 if there is none."""
        return self.result(op.GAP, self.key(key))

    def age(self, key: str) -> Value:
        """Return for how long the device knows an entry, seconds; see `measures.past`."""
        return self.result(op.AGE, self.key(key))

    def newness(self, key: str) -> Value:
        """Return in [0, 1] how new an entry is to the device."""
        return self.result(op.NEWNESS, self.key(key))

    def is_known(self, key: str) -> Value:
        """Return 1 if the device has known an entry for long, else 0."""
        return self.result(op.KNOWN, self.key(key))

    def faded(self, key: str, column: str, faded_at: str) -> Value:
        """Return a count of new things, faded."""
        return self.result(op.FADED, self.key(key), self.column(key, column), self.column(key, faded_at))

    def others(self, key: str, column: str, faded_at: str, but: str, since: Value | float = 0.0) -> Value:
        """Return a faded count of the new things since a time, without what one entry added to it."""
        columns = self.column(key, column), self.column(key, faded_at)
        return self.result(op.OTHERS, self.key(key), *columns, self.key(but), self.register_of(since))

    def rarity(self, events: Value, seconds: Value) -> Value:
        """Return in [0, 1] how improbable one more new thing within an hour is."""
        return self.operate(op.RARITY, events, seconds)

    def rarity_of_new(self, key: str, column: str, faded_at: str, but: str) -> Value:
        """Return how rarely others than one entry came new, after the first twelve hours, in which all is new."""
        came = self.others(key, column, faded_at, but=but, since=self.get(key, "first") + SETTLING)
        return self.rarity(came, most(0.0, self.since(key) - SETTLING))

    def rate_a_day(self, events: Value, seconds: Value) -> Value:
        """Return new things a day."""
        return self.operate(op.RATE, events, seconds)

    def surprise(self, count: Value, total: Value, prior: Value | float = UNUSUAL) -> Value:
        """Return in [0, 1] how improbable a category is; ``prior`` is its share before anything is known."""
        return self.operate(op.SURPRISE, count, total, prior)

    def unfaded(self, events: Value, seconds: Value) -> Value:
        """Return what fading leaves of events that came evenly spread."""
        return self.operate(op.UNFADED, events, seconds)

    def deviation(self, key: str, column: str, value: Value, count: Value) -> Value:
        """Return how many standard deviations a value lies from the mean of an entry, 0 if there is none."""
        operands = self.key(key), self.column(key, column), self.register_of(value), self.register_of(count)
        return self.result(op.DEVIATION, *operands)

    def distance(self, key: str, column: str, value: Value, count: Value) -> Value:
        """Return in [0, 1] how far a value lies from the mean of an entry: 1 is ten standard deviations."""
        operands = self.key(key), self.column(key, column), self.register_of(value), self.register_of(count)
        return self.result(op.DISTANCE, *operands)

    def regularity(self, key: str, column: str, weight: Value) -> Value:
        """Return in [0, 1] how regular the gaps of an entry are (mean and variance of log2), if that counts in full."""
        paused, spread = least(1.0, self.get(key, column) / PAUSE), root(self.get(key, f"{column}_variance"))
        return weight * paused / (1.0 + spread)

    def habit(self, key: str, column: str) -> Value:
        """Return what an entry carries in an hour by habit."""
        return self.result(op.HABIT, self.key(key), self.column(key, column))

    # the device's windows

    def excess(self, window: int, counter: int) -> Value:
        """Return in [0, 1] how far a count lies above a busy but ordinary window of the device, or above few."""
        return self.result(op.EXCESS, window, counter)

    def observed(self, window: int, counter: int) -> Value:
        """Return the count of the last minute or hour."""
        return self.result(op.OBSERVED, window, counter)

    def usual(self, window: int, counter: int) -> Value:
        """Return the count of a busy but ordinary minute or hour of the device."""
        return self.result(op.USUAL, window, counter)

    def answered(self, window: int) -> Value:
        """Return in [0, 1] how far the records of the last minute or hour were answered."""
        return self.result(op.ANSWERED, window)

    def scattered(self, window: int) -> Value:
        """Return in [0, 1] how far the records of the last minute or hour went to different things."""
        return self.result(op.SCATTERED, window)

    def is_burst(self) -> Value:
        """Return 1 if the device writes so much more than usual that it would teach the forests a burst."""
        return self.result(op.BEYOND_HABIT)

    def last_hour(self, key: str, now: str, before: str) -> Value:
        """Return what came in the last hour, of two columns: the running hour's and that of the hour before."""
        return self.get(key, now) + self.at(HOUR_SHARE) * self.get(key, before)

    # what changes entries

    def count_thing(self, key: str, counter: int) -> tuple[Value, Value]:
        """Count a recent thing in the windows; return whether it is new in this hour, and whether it was met before."""
        met = self.new_register()
        new = self.result(op.COUNT_THING, self.key(key), counter, met)
        return new, Value(self, met, self._section)

    def count_record(self, failed: Value) -> None:
        """Count the record in the windows, and whether it failed."""
        self.emit(op.COUNT_RECORD, 0, self.register_of(failed))

    def add_amount(self, window: int, counter: int, amount: Value) -> None:
        """Add an amount to a counter of the running window."""
        self.emit(op.AMOUNT, 0, window, counter, self.register_of(amount))

    def _change(self, operation: int, key: str, column: str, *values: Value | float) -> None:
        registers = map(self.register_of, values)
        self.emit(operation, 0, self.key(key), self.column(key, column), *registers)

    def set(self, key: str, column: str, value: Value | float) -> None:
        """Write a number into an entry."""
        self._change(op.SET, key, column, value)

    def bump(self, key: str, column: str, value: Value | float = 1.0) -> None:
        """Add to a number of an entry."""
        self._change(op.BUMP, key, column, value)

    def bump_nth(self, key: str, column: str, nth: Value) -> None:
        """Add 1 to the n-th column from this one."""
        self._change(op.BUMP_NTH, key, column, nth)

    def touch(self, key: str, began: Value | None = None) -> Value:
        """Note that an entry was used, since it began; return 1 if that is the first time that it is learned."""
        return self.result(op.TOUCH, self.key(key), self.register_of(began or self.now))

    def put_on_probation(self, key: str) -> None:
        """Note that an anomaly that raised nothing used an entry."""
        self.emit(op.PROBATION, 0, self.key(key))

    def count_new(self, key: str, column: str, thing: str, counts: Value | float = 1.0, noted: str = "last") -> None:
        """Count a thing in how often new ones come, once: told or not, it came.

        ``noted`` is a number of the thing's entry that nothing writes before the thing was learned, doubted or told.
        """
        new = self.variable(~(self.get(thing, noted) > 0.0))
        self.bump(key, column, new * counts)
        with self.when(new):
            self.set(thing, noted, self.now)

    def fade(self, key: str, *columns: str, faded_at: str) -> None:
        """Fade counts of new things up to now, and note that."""
        for column in columns:
            self.emit(op.FADE, 0, self.key(key), self.column(key, column), self.column(key, faded_at))
        self.set(key, faded_at, self.now)

    def learn_moments(self, key: str, column: str, value: Value, count: Value, memory: Value | float = MEMORY) -> None:
        """Move a mean and variance towards a value; so many of those before it weigh at most."""
        self._change(op.MOMENTS, key, column, value, count, memory)

    def add_to_hour(self, key: str, column: str, *amounts: Value | float) -> None:
        """Add to the sums of an hour that an entry holds."""
        first = self.new_register(len(amounts))
        for k, amount in enumerate(amounts):
            self.write(first + k, amount)
        self.emit(op.ADD_TO_HOUR, 0, self.key(key), self.column(key, column), first)

    def is_excused(self, key: str, column: str, failed: Value) -> Value:
        """Return 1 if a use is of the rush after an outage; see `measures.share`."""
        return self.result(op.EXCUSED, self.key(key), self.column(key, column), self.register_of(failed))

    def learn_habit(self, key: str, column: str, amount: Value) -> None:
        """Learn what an entry carried more in this hour."""
        self._change(op.LEARN_HABIT, key, column, amount)
