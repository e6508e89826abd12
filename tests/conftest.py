"""The order of the tests: folders with slow files first, so that no worker waits for one at the end."""

from hypothesis import settings

SLOW = ("spark", "metamorphic", "batch", "fitting")

# a machine under load takes longer than any deadline at times, and no test here is about time
settings.register_profile("tastebridge", deadline=None)
settings.load_profile("tastebridge")


def pytest_collection_modifyitems(items):
    """Put the tests of slow folders first; within a folder they keep their order."""
    items.sort(key=lambda item: min(map(SLOW.index, set(item.path.parts) & set(SLOW)), default=len(SLOW)))
