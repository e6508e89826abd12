"""Rows written as the texts of files: delimited lines and lines of JSON."""

import json


def lines(rows, sign=","):
    return "".join(sign.join(map(str, row)) + "\n" for row in rows)


def records(rows):
    return "".join(json.dumps(row) + "\n" for row in rows)
