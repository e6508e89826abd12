"""Tables in files: their location, their layout, and their conversion to Arrow."""
