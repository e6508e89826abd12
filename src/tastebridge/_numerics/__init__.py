"""Numerical code: arrays in, arrays out, no ids and no checks."""
