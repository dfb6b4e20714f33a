"""Suricata's EVE events, as the records that Zeek would have logged."""
