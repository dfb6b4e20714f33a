"""The REST routes, one file for each part of the address space."""
