"""A notice in the words of other programs: CEF, ECS, OCSF."""
