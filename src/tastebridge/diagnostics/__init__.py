"""Diagnostics of a fitted model: sources, accuracy, confidence, interests, relatedness."""
