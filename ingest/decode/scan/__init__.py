"""The compiled loops over bytes."""
