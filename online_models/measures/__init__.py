"""The questions that are asked of a record: one a file, with its formula, its constants and its memory."""
