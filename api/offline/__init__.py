"""Finished logs: replay, backtest, evaluate."""
