"""Readers of models trained elsewhere: right values, no pickle, and one clear error for anything else."""

import pickle
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from implicit.cpu.als import AlternatingLeastSquares

from contracts.factors import histories
from tastebridge.exceptions import InvalidDataError, InvalidParameterError
from tastebridge.factors import (
    PretrainedFactors,
    from_gensim,
    from_implicit,
    from_lenskit,
    from_spark,
    from_surprise,
    read_factors,
    read_vectors,
    read_word2vec,
    write_vectors,
)

X = histories()
IDS = [f"item {n}" for n in range(40)]
Y = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def als():
    model = AlternatingLeastSquares(3, regularization=0.3, alpha=4.0, random_state=0, num_threads=1)
    model.fit(X.astype(np.float32), show_progress=False)
    return model


def test_implicit_as_an_object_and_as_its_file(als, tmp_path):
    als.save(str(tmp_path / "model.npz"))
    for found in (from_implicit(als, IDS), from_implicit(tmp_path / "model.npz", IDS)):
        np.testing.assert_array_equal(found.factors, als.item_factors)
        assert (found.regularization, found.alpha, found.rule) == (0.3, 4.0, "implicit")
        assert (found.base_confidence, found.scale_regularization) == (0.0, False)
        assert list(found.items) == IDS
        assert found.users is None
    with_users = from_implicit(tmp_path / "model.npz", IDS, users=range(60))
    np.testing.assert_array_equal(with_users.user_factors, als.user_factors)


def test_ids_may_stand_in_the_file_of_implicit_and_are_asked_for_otherwise(als, tmp_path):
    als.save(str(tmp_path / "model.npz"))
    with pytest.raises(
        InvalidParameterError, match=r"model\.npz' has no ids of its 40 items.* one more array items"
    ):
        read_factors(tmp_path / "model.npz")
    with pytest.raises(InvalidParameterError, match=r"implicit keeps no ids of its 40 items.*items=\[…\]"):
        from_implicit(als, None)
    np.savez(tmp_path / "with.npz", items=np.array(IDS), **dict(np.load(tmp_path / "model.npz")))
    assert list(read_factors(tmp_path / "with.npz").items) == IDS


def spark_table(n=40):
    numbers = np.arange(n)[::-1]
    return pa.table({"id": pa.array(numbers, pa.int32()), "features": [Y[at].tolist() for at in numbers]})


def test_spark_as_a_folder_a_file_and_an_object(tmp_path):
    parts = tmp_path / "model" / "itemFactors"
    parts.mkdir(parents=True)
    table = spark_table()
    pq.write_table(table[:13], parts / "part-00000.snappy.parquet")
    pq.write_table(table[13:], parts / "part-00001.snappy.parquet")
    pq.write_table(table, tmp_path / "items.parquet")
    fitted = SimpleNamespace(itemFactors=SimpleNamespace(toPandas=table.to_pandas))
    for given in (tmp_path / "model", parts, tmp_path / "items.parquet", fitted):
        found = from_spark(given, 0.2, 3.0)
        np.testing.assert_array_equal(found.factors, Y)
        assert list(found.items) == list(range(40))
        assert (found.rule, found.regularization, found.alpha) == ("implicit", 0.2, 3.0)
        assert (found.base_confidence, found.scale_regularization) == (1.0, True)
    assert from_spark(fitted, implicit=False).rule == "explicit"
    assert list(from_spark(fitted, items=dict(enumerate(IDS))).items) == IDS
    for given in (tmp_path / "model", tmp_path / "items.parquet"):
        assert read_factors(given).base_confidence == 1.0


def test_spark_of_other_columns_and_numbers_without_ids_are_refused():
    with pytest.raises(InvalidDataError, match=r"\['features'\] is lacking"):
        from_spark(pd.DataFrame({"id": [1]}))
    with pytest.raises(InvalidDataError, match="no id for 39 of Spark's numbers"):
        from_spark(spark_table().to_pandas(), items={0: "a"})
    with pytest.raises(InvalidDataError, match="no id for 38 of Spark's numbers, such as 2"):
        from_spark(spark_table().to_pandas(), items=["a", "b"])
    with pytest.raises(InvalidDataError, match="got a int"):
        from_spark(3)


@pytest.mark.parametrize("kind", [list, tuple, np.array])
def test_labels_of_a_string_indexer_are_ids_in_the_order_of_sparks_numbers(kind):
    assert list(from_spark(spark_table().to_pandas(), items=kind(IDS)).items) == IDS


def test_lenskit_of_implicit_feedback_in_both_interfaces():
    now = SimpleNamespace(
        item_embeddings=Y,
        items=SimpleNamespace(ids=lambda: np.array(IDS)),
        config=SimpleNamespace(weight=20.0, user_reg=0.2, regularization=0.2),
    )
    before = SimpleNamespace(item_features_=Y, item_index_=pd.Index(IDS), reg=(0.2, 0.9), weight=20.0)
    for given in (now, before):
        found = from_lenskit(given)
        np.testing.assert_array_equal(found.factors, Y)
        assert list(found.items) == IDS
        assert (found.regularization, found.alpha, found.base_confidence) == (0.2, 20.0, 1.0)


def test_lenskit_of_ratings_has_biases():
    bias = SimpleNamespace(global_bias=3.5, item_biases=np.arange(40.0))
    found = from_lenskit(SimpleNamespace(item_embeddings=Y, items=np.array(IDS), bias=bias, reg=0.4))
    assert (found.rule, found.scale_regularization, found.regularization) == ("explicit", True, 0.4)
    np.testing.assert_array_equal(found.item_biases, 3.5 + np.arange(40.0))


def test_lenskit_of_ratings_with_users_takes_their_bias_out_first():
    bias = SimpleNamespace(
        global_bias=3.0, item_biases=np.linspace(-1, 1, 40), user_biases=np.zeros(2), damping=(4.0, 9.0)
    )
    found = from_lenskit(SimpleNamespace(item_embeddings=Y, items=np.array(IDS), bias=bias, reg=0.4))
    assert found.user_damping == 4.0
    row = histories()[:1]
    r = row.data - 3.0 - bias.item_biases[row.indices]
    r = r - r.sum() / (len(r) + 4.0)
    M = Y[row.indices].astype(np.float64)
    expected = np.linalg.solve(M.T @ M + 0.4 * len(r) * np.eye(3), M.T @ r)
    np.testing.assert_allclose(found.fit(row).transform(row)[0], expected, rtol=1e-9)
    with pytest.raises(InvalidParameterError, match="user_damping applies to ratings"):
        PretrainedFactors(IDS, Y, user_damping=1.0).checked()


def surprise(**more):
    trainset = SimpleNamespace(to_raw_iid=lambda number: IDS[number], global_mean=3.0)
    return SimpleNamespace(qi=Y, trainset=trainset, **more)


def test_surprise_with_and_without_biases():
    found = from_surprise(surprise(bi=np.arange(40.0), biased=True, reg_pu=0.05))
    np.testing.assert_array_equal(found.factors, np.column_stack([Y, np.ones(40)]))
    np.testing.assert_array_equal(found.item_biases, 3.0 + np.arange(40.0))
    assert (found.rule, found.regularization, list(found.items)) == ("explicit", 0.05, IDS)
    plain = from_surprise(surprise(bi=np.zeros(40), biased=False))
    np.testing.assert_array_equal(plain.factors, Y)
    assert plain.item_biases is None


def test_surprise_predicts_the_ratings_of_its_users_by_the_fold_in():
    rng = np.random.default_rng(3)
    Q, b = rng.normal(size=(40, 3)), rng.normal(size=40)
    model = from_surprise(SimpleNamespace(qi=Q, bi=b, biased=True, reg_pu=1e-9, trainset=surprise().trainset))
    p, bias = rng.normal(size=3), 0.3
    ratings = 3.0 + b + bias + Q @ p
    z = model.fit([[5.0 + 0.0 * r for r in ratings]]).fold_in(_row(ratings))[0]
    np.testing.assert_allclose(z, [*p, bias], atol=1e-6)


def _row(values):
    from scipy import sparse

    return sparse.csr_matrix((values, np.arange(len(values)), [0, len(values)]))


def test_gensim_as_key_vectors_and_as_a_model():
    vectors = SimpleNamespace(index_to_key=IDS, vectors=Y)
    for given in (vectors, SimpleNamespace(wv=vectors)):
        found = from_gensim(given)
        np.testing.assert_array_equal(found.factors, Y)
        assert (found.items, found.rule) == (IDS, "mean")


@pytest.mark.parametrize("reader", [from_implicit, from_lenskit, from_surprise, from_gensim])
def test_an_object_of_another_kind_is_told_what_it_lacks(reader):
    with pytest.raises(InvalidDataError, match=r"has the attribute .* this object has none"):
        reader(object())


@pytest.mark.parametrize("path", ["vectors.kv", Path("model.pkl")])
@pytest.mark.parametrize("reader", [from_lenskit, from_surprise, from_gensim])
def test_a_path_in_place_of_an_object_is_told_where_files_are_read(reader, path):
    with pytest.raises(InvalidDataError, match=r"got the path .* tastebridge\.factors\.read_factors"):
        reader(path)


def word2vec(path, binary):
    keys = [name.replace(" ", "_") for name in IDS]
    with path.open("wb") as file:
        file.write(b"40 3\n")
        for key, row in zip(keys, Y, strict=True):
            file.write(key.encode() + b" ")
            file.write(row.tobytes() if binary else " ".join(repr(float(v)) for v in row).encode() + b"\n")
    return keys


@pytest.mark.parametrize("name", ["items.txt", "items.vec", "items.bin"])
def test_word2vec_as_text_and_binary(tmp_path, name):
    keys = word2vec(tmp_path / name, name.endswith(".bin"))
    found = read_factors(tmp_path / name)
    assert (list(found.items), found.rule) == (keys, "mean")
    np.testing.assert_array_equal(np.float32(found.factors), Y)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "the first line"),
        (b"two 3\n", "the first line"),
        (b"999999999999 999999999\nx", "do not fit into"),
        (b"2 2\na 10 20\n", "says 2 vectors, and there are 1"),
        (b"2 2\na 1 2\nb 1\n", "line 3 has 1 numbers, not 2"),
        (b"1 2\na one 2\n", "could not convert"),
        (b"1 2\n\xff\xfe 1 2\n", "utf-8"),
        (b"2 2\na 1 2\na 1 2\n", "keys twice"),
        (b"1 2\na nan 2\n", "must be finite"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_damaged_text_is_one_clear_error(tmp_path, content, told):
    (tmp_path / "items.txt").write_bytes(content)
    with pytest.raises(InvalidDataError, match=told):
        read_word2vec(tmp_path / "items.txt")


@pytest.mark.parametrize("name", ["items.bin", "items.parquet", "items.npz"])
def test_a_file_cut_off_anywhere_is_one_clear_error(tmp_path, als, name):
    path = tmp_path / name
    if name.endswith(".bin"):
        word2vec(path, True)
    elif name.endswith(".npz"):
        als.save(str(path))
    else:
        write_vectors(PretrainedFactors(IDS, Y), path)
    whole = path.read_bytes()
    for share in (0.0, 0.1, 0.5, 0.9, 0.999):
        path.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(InvalidDataError, match="items"):
            from_implicit(path, IDS) if name.endswith(".npz") else read_factors(path)


def test_no_pickle_is_loaded(tmp_path):
    class Bomb:
        def __reduce__(self):
            return pytest.fail, ("a pickle was loaded",)

    for name in ("model.pkl", "model.joblib", "model.kv"):
        (tmp_path / name).write_bytes(pickle.dumps(Bomb()))
        with pytest.raises(InvalidDataError, match="looks like a pickle"):
            read_factors(tmp_path / name)
    np.savez(tmp_path / "model.npz", item_factors=np.array([Bomb()], dtype=object), regularization=0.1)
    with pytest.raises(InvalidDataError, match="cannot be read as a model saved by implicit"):
        from_implicit(tmp_path / "model.npz", IDS)


def test_parquet_comes_back_with_its_settings(tmp_path):
    model = PretrainedFactors(IDS, Y, 0.7, 3.0, "explicit", 0.5, True, np.arange(40.0))
    write_vectors(model, tmp_path / "items.parquet")
    found = read_factors(tmp_path / "items.parquet")
    assert repr(found) == repr(model)
    assert found.settings() == model.settings()
    assert list(found.items) == IDS
    assert read_vectors(tmp_path / "items.parquet", alpha=9.0).alpha == 9.0


def test_parquet_of_others_with_columns_or_lists_in_parts(tmp_path):
    whole = pd.DataFrame(Y, columns=["v0", "v1", "v2"]).assign(item_id=IDS, price=1)
    lists = pd.DataFrame({"item_id": IDS, "embedding": list(Y)})
    (tmp_path / "lists").mkdir()
    lists[:11].to_parquet(tmp_path / "lists" / "a.parquet")
    lists[11:].to_parquet(tmp_path / "lists" / "b.parquet")
    whole[["v2", "item_id", "v0", "price", "v1"]].to_parquet(tmp_path / "columns.parquet")
    for name in ("lists", "columns.parquet"):
        found = read_factors(tmp_path / name)
        assert list(found.items) == IDS
        np.testing.assert_array_equal(np.float32(found.factors), Y)


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({"item": IDS, "v0": Y[:, 0]}, "needs a column item_id"),
        ({"item_id": IDS, "price": Y[:, 0]}, "0 of lists"),
        ({"item_id": IDS, "a": list(Y), "b": list(Y)}, "2 of lists"),
        ({"item_id": IDS, "v0": Y[:, 0], "v2": Y[:, 0]}, "no gap"),
        ({"item_id": [None, *IDS[1:]], "v0": Y[:, 0]}, "missing ids"),
        ({"item_id": ["a", "b"], "vector": [[1.0], [1.0, 2.0]]}, "vectors of one length"),
        ({"item_id": ["a", "b"], "vector": [[1.0], None]}, "vectors of one length"),
        ({"item_id": ["a"], "v0": [np.inf]}, "must be finite"),
        ({"item_id": ["a"], "v0": ["high"]}, "could not convert"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_table_that_cannot_be_used_is_named(tmp_path, table, told):
    pd.DataFrame(table).to_parquet(tmp_path / "items.parquet")
    with pytest.raises(InvalidDataError, match=told):
        read_factors(tmp_path / "items.parquet")


def test_files_that_are_not_there_or_of_no_known_kind_are_named(tmp_path):
    with pytest.raises(InvalidDataError, match="there is nothing at"):
        read_factors(tmp_path / "nothing.parquet")
    (tmp_path / "items.xml").write_text("<xml/>")
    with pytest.raises(InvalidDataError, match="the ending of no known model"):
        read_factors(tmp_path / "items.xml")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidDataError, match=r"holds no .parquet files"):
        read_factors(tmp_path / "empty")
    with pytest.raises(InvalidParameterError, match="'lambda' is no setting"):
        read_vectors(tmp_path / "items.xml", **{"lambda": 1.0})
    with pytest.raises(InvalidParameterError, match="needs the ids"):
        write_vectors(PretrainedFactors(factors=Y), tmp_path / "out.parquet")


@pytest.mark.parametrize("stored", [b"[1]", b"{", b'{"alpha": "many"}', b'{"rule": "none"}'])
def test_damaged_settings_in_a_file_are_refused(tmp_path, stored):
    table = pa.table({"item_id": IDS, "v0": Y[:, 0]})
    pq.write_table(
        table.replace_schema_metadata({b"tastebridge.factors": stored}), tmp_path / "items.parquet"
    )
    with pytest.raises((InvalidDataError, InvalidParameterError)):
        read_factors(tmp_path / "items.parquet")
