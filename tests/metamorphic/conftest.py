"""The number of panels each test tries is a property of it in the JUnit report."""

import pytest


@pytest.fixture(autouse=True)
def panels(request, record_property):
    """Record how many panels the test draws."""
    record_property("panels", request.function._hypothesis_internal_use_settings.max_examples)
