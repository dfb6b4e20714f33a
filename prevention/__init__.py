"""From alerts to decisions: what to block, for how long, and what must never be blocked."""
