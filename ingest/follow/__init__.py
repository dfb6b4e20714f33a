"""From files that grow, rotate and are archived to whole lines, each once, and the positions that are kept."""
