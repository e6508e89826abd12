import doctest
import sys

import pytest

from tastebridge import spark
from tastebridge.exceptions import MissingDependencyError


def test_without_pyspark_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyspark", None)
    for name in [name for name in sys.modules if name.startswith("pyspark.")]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'tastebridge\[spark\]'"):
        spark.recommend(None, None)


@pytest.mark.parametrize("name", spark.__all__)
def test_the_examples_run_where_spark_is(session, name):
    text = getattr(spark, name).__doc__.replace("# doctest: +SKIP", "")
    example = doctest.DocTestParser().get_doctest(text, {}, name, None, None)
    assert len(example.examples) > 4
    assert doctest.DocTestRunner().run(example).failed == 0
