"""A log kind's formulas as a small program, and the one interpreter that runs it for all kinds."""
