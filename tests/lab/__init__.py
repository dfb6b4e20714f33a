"""The lab: sites with known truth, on which what is told is judged. See docs/lab.md."""
