"""Half-space trees in flat arrays: River's scores to the last bit, at the speed of the log."""
