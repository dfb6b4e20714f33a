"""What a person is told: anomalies become alerts, one for each device and behaviour, updated while it lasts."""
