"""What every log kind's model must hold to, built in or declared: see `checks.kind`."""
