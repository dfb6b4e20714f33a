"""Log kinds that a user declares in TOML: read, checked, and made into the same `Kind` as the built-in ones."""
