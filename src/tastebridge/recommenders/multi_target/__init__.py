"""Several targets at once: fitted in one pass, recommended in together."""
