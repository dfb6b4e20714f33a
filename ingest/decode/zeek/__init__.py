"""Zeek's TSV and JSON."""
