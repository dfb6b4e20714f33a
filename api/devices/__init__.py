"""Devices: what the pipeline sees of them, and how they are named; the register itself is in the store."""
