"""From record batches to scores and alerts: features, forests, calibration, guarded learning."""
