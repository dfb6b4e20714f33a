"""From lines to batches of records, whatever wrote them."""
