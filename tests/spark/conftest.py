"""One Spark session of two threads for all tests here; without pyspark or Java they are skipped."""

import os
import re
import shutil
import subprocess
import sys
import warnings

import pytest

_SETTINGS = {
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.memory": "1g",
    "spark.sql.shuffle.partitions": "3",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "50",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}


def _java():
    """The version of Java that Spark would find, 0 if there is none."""
    home = os.environ.get("JAVA_HOME")
    java = os.path.join(home, "bin", "java") if home else shutil.which("java")
    if java is None or not os.path.exists(java):
        return 0
    told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', told)
    return int(found[1]) if found else 0


@pytest.fixture(scope="session")
def session():
    sql = pytest.importorskip("pyspark.sql", reason="Spark's tests need pyspark: pip install '.[spark]'")
    if _java() < 17:
        pytest.skip("Spark's tests need Java 17 or later, by JAVA_HOME or on the path")
    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder = sql.SparkSession.builder.master("local[2]")
    for name, value in _SETTINGS.items():
        builder = builder.config(name, value)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the version of pandas, which is not used here
        session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()


@pytest.fixture(scope="session")
def spark_frame(session):
    """A function that gives a local frame to Spark."""
    import pyarrow as pa

    def give(frame):
        table = frame if isinstance(frame, pa.Table) else pa.Table.from_pandas(frame, preserve_index=False)
        return session.createDataFrame(table.replace_schema_metadata(None)).repartition(4)

    return give
