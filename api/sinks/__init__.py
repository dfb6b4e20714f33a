"""Sinks: who is sent what changed of alerts. One file a kind in `kinds`, and one loop that delivers to all of them."""
