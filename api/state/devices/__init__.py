"""The register of devices, in tables beside those of alerts."""
