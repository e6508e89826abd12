"""Numbers below: arrays in, arrays out, no ids and no checks."""
