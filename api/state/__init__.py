"""What lasts: the state directory, the store, snapshots of the models."""
