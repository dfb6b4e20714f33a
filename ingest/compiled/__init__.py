"""What rests on numba: how byte loops and kernels are compiled, cached, and handed their arguments."""
