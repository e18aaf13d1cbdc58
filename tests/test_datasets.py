"""Data sets: every way to read one, every way a file can be wrong, and the assumptions of the theorems."""

from __future__ import annotations

import io
import itertools
import math
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from jaxtyping import TypeCheckError

from odeflow.datasets import (
    Dataset,
    dataset_names,
    equispaced_circle,
    hypotheses,
    load_dataset,
    normalised,
    open_dataset,
    read_dataset,
    sphere,
    standardised,
    teacher_student,
)
from odeflow.errors import DataError, InvalidArgumentError, UnknownNameError
from odeflow.numeric.kernels import kernel_spectrum, relu_ntk_limit, smallest_eigenvalue

# Division by a norm or a spread: a few roundings of numbers of size one.
ROUNDING = 1e-14

finite = st.floats(allow_nan=False, allow_infinity=False)
FILES = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def made(features: object, target: object = None) -> Dataset:
    X = np.array(features, dtype=float)
    y = np.zeros(len(X)) if target is None else np.array(target, dtype=float)
    return Dataset("made", X, y, tuple(f"x{j}" for j in range(X.shape[1])), "y", "made up", "none needed")


def written(folder: Path, name: str, content: str | bytes) -> Path:
    file = folder / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


# Named data sets.


def test_bundled_diabetes_is_the_table_of_the_paper() -> None:
    data = load_dataset("diabetes")
    assert (data.n_points, data.n_features, data.target_name) == (442, 10, "progression")
    assert data.feature_names == ("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6")
    assert data.notes == ()
    assert "2004" in data.source


def test_bundled_diabetes_agrees_with_scikit_learn_entry_by_entry() -> None:
    bunch = pytest.importorskip("sklearn.datasets").load_diabetes(scaled=False)
    data = load_dataset("diabetes")
    assert np.array_equal(data.features, bunch.data)
    assert np.array_equal(data.target, bunch.target)
    assert data.feature_names == tuple(bunch.feature_names)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("breast_cancer", (569, 30)),
        ("digits", (1797, 64)),
        ("iris", (150, 4)),
        ("linnerud", (20, 3)),
        ("wine", (178, 13)),
    ],
)
def test_packaged_data_sets_have_their_published_sizes(name: str, shape: tuple[int, int]) -> None:
    pytest.importorskip("sklearn")
    data = load_dataset(name)
    assert data.features.shape == shape
    assert data.target.shape == shape[:1]
    assert data.source
    assert data.licence
    assert data.notes


def test_a_packaged_data_set_without_scikit_learn_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(DataError, match=r"pip install 'odeflow\[data\]'"):
        load_dataset("digits")
    assert load_dataset("diabetes").n_points == 442


def test_an_unknown_name_suggests_the_closest() -> None:
    with pytest.raises(UnknownNameError, match="'diabetes'"):
        load_dataset("diabets")
    with pytest.raises(UnknownNameError, match="'digits'"):
        open_dataset("digts")


def test_open_prefers_the_name_and_reads_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path, "diabetes", "1,2\n")
    written(tmp_path, "mine", "3,4\n")
    assert open_dataset("diabetes").n_points == 442
    assert open_dataset(Path("diabetes")).features == 1.0
    assert open_dataset("mine").target == 4.0
    assert open_dataset("mine", target=0).target == 3.0
    with pytest.raises(DataError, match="columns are fixed"):
        open_dataset("diabetes", target="bmi")
    with pytest.raises(DataError, match="does not exist"):
        open_dataset("other.csv")


def test_every_known_name_is_listed_once() -> None:
    assert len(set(dataset_names())) == len(dataset_names()) == 8


# Text.


@pytest.mark.parametrize(
    ("delimiter", "head", "bom", "newline", "last"),
    list(itertools.product([",", ";", "\t"], [True, False], [b"", b"\xef\xbb\xbf"], ["\n", "\r\n"], [True, False])),
)
def test_text_reads_the_same_whatever_its_dialect(
    tmp_path: Path, delimiter: str, head: bool, bom: bytes, newline: str, last: bool
) -> None:
    rows = (["a", "b", "y"],) * head + (["1.5", "-2e3", "3"], ["4", "5", " 6 "])
    text = newline.join(delimiter.join(row) for row in rows) + newline * last
    data = read_dataset(written(tmp_path, "t.csv", bom + text.encode()))
    assert np.array_equal(data.features, [[1.5, -2000.0], [4.0, 5.0]])
    assert np.array_equal(data.target, [3.0, 6.0])
    assert data.feature_names == (("a", "b") if head else ("column 0", "column 1"))
    assert data.name == "t"


def test_utf16_with_a_mark_quotes_and_unicode_names_are_read(tmp_path: Path) -> None:
    text = 'größe;"Temp; °C";цель\n1;2;3\n\n4;5;6\n'
    for content in (text.encode("utf-16"), text.encode(), text.encode("utf-8-sig")):
        data = read_dataset(written(tmp_path, "daten_übung.csv", content), target="Temp; °C")
        assert data.feature_names == ("größe", "цель")
        assert np.array_equal(data.target, [2.0, 5.0])


def test_columns_are_chosen_by_name_position_and_from_the_end(tmp_path: Path) -> None:
    file = written(tmp_path, "t.csv", "name,a,b,c\nx,1,2,3\ny,4,5,6\n")
    data = read_dataset(file, target=-3, features=["c", 2])
    assert np.array_equal(data.features, [[3.0, 2.0], [6.0, 5.0]])
    assert np.array_equal(data.target, [1.0, 4.0])
    assert (data.feature_names, data.target_name) == (("c", "b"), "a")
    assert np.array_equal(read_dataset(file, features="b").features, [[2.0], [5.0]])


def test_header_can_be_forced_either_way(tmp_path: Path) -> None:
    years = written(tmp_path, "years.csv", "2019,2020\n1,2\n")
    assert read_dataset(years).n_points == 2
    assert read_dataset(years, header=True).target_name == "2020"
    with pytest.raises(DataError, match="pass header=True"):
        read_dataset(written(tmp_path, "mixed.csv", "id,2020\n1,2\n"))


def test_numpy_text_files_read_back(tmp_path: Path) -> None:
    table = np.random.default_rng(0).standard_normal((5, 3))
    np.savetxt(tmp_path / "t.csv", table, delimiter=",", header="a,b,c", fmt="%.17g")
    data = read_dataset(tmp_path / "t.csv")
    assert data.feature_names == ("a", "b")
    assert np.array_equal(np.column_stack([data.features, data.target]), table)


@FILES
@given(table=hnp.arrays(float, st.tuples(st.integers(1, 5), st.integers(2, 4)), elements=finite))
def test_text_round_trips_every_finite_float(tmp_path: Path, table: np.ndarray) -> None:
    text = "\n".join(",".join(repr(float(cell)) for cell in row) for row in table)
    data = read_dataset(written(tmp_path, "t.csv", text))
    assert np.array_equal(np.column_stack([data.features, data.target]), table)


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ("", {}, "empty"),
        ("\n\n  \n", {}, "empty"),
        ("a,b\n", {}, "header line only"),
        ("1\n2\n", {}, "at least two columns"),
        ("1,2\n3\n", {}, "line 2 has 1"),
        ("a,b,c\n1,2,3\n4,5\n", {}, "line 3 has 2"),
        ("a,b\n1,2\n3,oops\n", {}, "line 3, column 'b' .* 'oops'"),
        ("a,b\n1,2\n\n,4\n", {}, "line 4, column 'a' .* empty"),
        ("a,b\n1,2\n3,nan\n", {}, "line 3, column 'b' .* nan"),
        ("1,2\n-inf,4\n", {}, "line 2, column 0 .* -inf"),
        ("1,2\n1e999,4\n", {}, "line 2, column 0 .* inf"),
        ("a;b\n1,5;2,5\n", {}, "decimals with a point"),
        ("1,5;2,5\n3,5;4,5\n", {}, "line 1, column 0 .* decimals with a point"),
        ("a,b\n1_0,2\n", {}, "'1_0'"),
        ("alpha,beta\n1,2\n", {"target": "bete"}, "Did you mean 'beta'"),
        ("1,2\n", {"target": "y"}, "has no column names"),
        ("1,2\n", {"target": 2}, "from -2 to 1"),
        ("1,2\n", {"target": -3}, "from -2 to 1"),
        ("1,2\n", {"target": True}, "name or position"),
        ("1,2\n", {"features": []}, "at least one feature"),
        ("1,2,3\n", {"features": [0, 0]}, "distinct"),
        ("1,2,3\n", {"features": [2]}, "is both"),
        ("a,a,b\n1,2,3\n", {"target": "a"}, "2 have that name"),
        ('a,b\n"1,2\n', {}, "quotation"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", {}, "null bytes"),
        (b"a,b\n\xff\xe9,2\n", {}, "not UTF-8|UTF-8 text"),
        (b"\xff\xfea", {}, "UTF-8 text"),
    ],
)
def test_a_wrong_text_file_says_what_is_wrong_and_where(
    tmp_path: Path, content: str | bytes, options: dict[str, object], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        read_dataset(written(tmp_path, "t.csv", content), **options)  # type: ignore[arg-type]


# NumPy files.


@pytest.mark.parametrize("dtype", ["f8", "f4", "f2", ">f8", "i4", "u1", "?"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_npy_matrices_of_any_real_type_are_read(tmp_path: Path, dtype: str, order: str) -> None:
    table = np.array([[1, 0, 1], [0, 1, 1]]).astype(dtype).copy(order=order)  # type: ignore[call-overload]
    np.save(tmp_path / "t.npy", table)
    data = read_dataset(tmp_path / "t.npy", target=0)
    assert data.features.dtype == np.float64
    assert np.array_equal(data.features, table[:, 1:])
    assert np.array_equal(data.target, table[:, 0])


def test_structured_arrays_keep_their_names(tmp_path: Path) -> None:
    records = np.array([(1.0, 2, b"x"), (3.0, 4, b"y")], dtype=[("länge", "f8"), ("n", "i4"), ("tag", "S1")])
    np.save(tmp_path / "t.npy", records)
    data = read_dataset(tmp_path / "t.npy", target="n", features=["länge"])
    assert data.feature_names == ("länge",)
    assert np.array_equal(data.target, [2.0, 4.0])
    with pytest.raises(DataError, match="row 0, column 'tag'"):
        read_dataset(tmp_path / "t.npy")


def test_npz_reads_default_keys_chosen_keys_and_a_single_matrix(tmp_path: Path) -> None:
    X, y = np.eye(3), np.arange(3.0)
    np.savez(tmp_path / "default.npz", X=X, y=y[:, None])
    np.savez_compressed(tmp_path / "chosen.npz", images=X, labels=y, extra=np.ones(7))
    np.savez(tmp_path / "single.npz", table=np.column_stack([y, X]))
    for data in (
        read_dataset(tmp_path / "default.npz"),
        read_dataset(tmp_path / "chosen.npz", features="images", target="labels"),
        read_dataset(tmp_path / "single.npz", target=0),
    ):
        assert np.array_equal(data.features, X)
        assert np.array_equal(data.target, y)
    assert read_dataset(tmp_path / "chosen.npz", features="images", target="labels").feature_names[0] == "images[0]"


@pytest.mark.parametrize(
    ("save", "options", "message"),
    [
        (lambda f: np.save(f, np.arange(3.0)), {}, r"shape is \(3,\)"),
        (lambda f: np.save(f, np.ones((2, 2, 2))), {}, "to be a matrix"),
        (lambda f: np.save(f, np.array([["a", "b"]])), {}, "real numbers"),
        (lambda f: np.save(f, np.array([[1j, 2]])), {}, "complex"),
        (lambda f: np.save(f, np.array([[{}, 2]], dtype=object), allow_pickle=True), {}, "Python objects"),
        (lambda f: np.save(f, np.ones((0, 3))), {}, "row|empty"),
        (lambda f: np.save(f, np.array([[1.0, 2.0], [np.nan, 3.0]])), {}, "row 1, column 0 .* nan"),
        (lambda f: np.save(f, np.zeros(2, dtype=[("a", "f8", 3), ("b", "f8")])), {}, "one number a row"),
        (lambda f: np.save(f, np.zeros((2, 2), dtype=[("a", "f8"), ("b", "f8")])), {}, "one axis"),
        (lambda f: np.savez(f, X=np.eye(2), t=np.ones(2)), {}, "an array 'y'"),
        (lambda f: np.savez(f, inputs=np.eye(2), y=np.ones(2)), {"features": "input"}, "Did you mean 'inputs'"),
        (lambda f: np.savez(f, X=np.eye(2), y=np.ones(3)), {}, r"\(2, 2\) and \(3,\)"),
        (lambda f: np.savez(f, X=np.eye(2), y=np.ones(2)), {"target": 0}, "keys of"),
        (lambda f: np.savez(f, X=np.eye(2), y=np.array([1.0, np.inf])), {}, "row 1, column 'y' .* inf"),
        (lambda f: np.savez(f, X=np.eye(2), y=np.array([None, 1])), {}, "Python objects"),
        (lambda f: np.savez(f), {}, "none"),
    ],
)
def test_a_wrong_numpy_file_says_what_is_wrong(
    tmp_path: Path, save: Callable[[io.BytesIO], None], options: dict[str, object], message: str
) -> None:
    buffer = io.BytesIO()
    save(buffer)
    suffix = "npz" if buffer.getvalue()[:2] == b"PK" else "npy"
    with pytest.raises(DataError, match=message):
        read_dataset(written(tmp_path, f"t.{suffix}", buffer.getvalue()), **options)  # type: ignore[arg-type]


# Files that are no files, damaged files, random bytes.


def test_missing_files_and_directories_are_named(tmp_path: Path) -> None:
    written(tmp_path, "measured.csv", "1,2\n")
    with pytest.raises(DataError, match=r"Did you mean 'measured.csv'"):
        read_dataset(tmp_path / "mesured.csv")
    with pytest.raises(DataError, match="Check the path"):
        read_dataset(tmp_path / "nowhere" / "t.npy")
    with pytest.raises(DataError, match="directory"):
        read_dataset(tmp_path)
    with pytest.raises(DataError, match=r"readable file|does not exist"):
        read_dataset("a\0b.csv")
    with pytest.raises(DataError, match=r"readable file|does not exist"):
        read_dataset("x" * 5000 + ".csv")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="permissions do not bind this user")
def test_a_file_without_permission_is_named(tmp_path: Path) -> None:
    file = written(tmp_path, "t.csv", "1,2\n")
    file.chmod(0)
    with pytest.raises(DataError, match="permissions"):
        read_dataset(file)


def _saved(kind: str) -> bytes:
    buffer = io.BytesIO()
    if kind == "npy":
        np.save(buffer, np.arange(12.0).reshape(4, 3))
    else:
        np.savez_compressed(buffer, X=np.arange(8.0).reshape(4, 2), y=np.ones(4))
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["npy", "npz"])
def test_every_truncation_of_a_numpy_file_is_refused(tmp_path: Path, kind: str) -> None:
    whole = _saved(kind)
    assert read_dataset(written(tmp_path, f"t.{kind}", whole)).n_points == 4
    for length in range(len(whole)):
        with pytest.raises(DataError):
            read_dataset(written(tmp_path, f"t.{kind}", whole[:length]))


def test_a_header_that_promises_terabytes_is_refused_at_once(tmp_path: Path) -> None:
    whole = _saved("npy").replace(b"(4, 3), ", b"(4000000000000, 3), ")
    with pytest.raises(DataError, match="truncated"):
        read_dataset(written(tmp_path, "t.npy", whole))


@FILES
@given(content=st.binary(max_size=200), suffix=st.sampled_from(["csv", "npy", "npz", "txt"]))
@example(content=b"\x93NUMPY", suffix="npy")
@example(content=b"PK\x05\x06" + bytes(18), suffix="npz")
def test_random_bytes_are_read_or_refused_never_a_traceback(tmp_path: Path, content: bytes, suffix: str) -> None:
    try:
        data = read_dataset(written(tmp_path, f"t.{suffix}", content))
    except DataError:
        return
    assert np.isfinite(data.features).all()
    assert np.isfinite(data.target).all()


@FILES
@given(
    kind=st.sampled_from(["npy", "npz"]),
    changes=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=8),
)
def test_damaged_numpy_files_are_read_or_refused(tmp_path: Path, kind: str, changes: list[tuple[int, int]]) -> None:
    whole = bytearray(_saved(kind))
    for position, byte in changes:
        whole[position % len(whole)] = byte
    try:
        data = read_dataset(written(tmp_path, f"t.{kind}", bytes(whole)))
    except DataError:
        return
    assert np.isfinite(data.features).all()


@FILES
@given(text=st.text(alphabet="0123456789.,;\t\n\r-+eEinfa\"' _\ufeff", max_size=60))
def test_nearly_csv_is_read_or_refused(tmp_path: Path, text: str) -> None:
    try:
        data = read_dataset(written(tmp_path, "t.csv", text))
    except DataError:
        return
    assert np.isfinite(data.features).all()
    assert data.target.shape == (data.n_points,)


# Scaling.


@given(
    X=hnp.arrays(float, (4, 3), elements=st.floats(-1e300, 1e300).filter(lambda v: v == 0 or abs(v) > 1e-290)),
)
def test_normalised_rows_are_unit_and_keep_their_direction(X: np.ndarray) -> None:
    X[:, 0] = np.where(X.any(axis=1), X[:, 0], 1.0)
    data = normalised(made(X))
    np.testing.assert_allclose(np.linalg.norm(data.features, axis=1), 1.0, atol=ROUNDING)
    lengths = np.abs(X).max(axis=1, keepdims=True)
    again = np.abs(data.features).max(axis=1, keepdims=True)
    np.testing.assert_allclose(data.features / again, X / lengths, atol=ROUNDING)
    assert data.notes == ("rows scaled to unit norm",)


def test_standardised_columns_have_mean_zero_and_variance_one() -> None:
    data = standardised(load_dataset("diabetes"))
    np.testing.assert_allclose(data.features.mean(axis=0), 0.0, atol=ROUNDING)
    np.testing.assert_allclose(data.features.var(axis=0), 1.0, atol=ROUNDING)
    assert np.array_equal(data.target, load_dataset("diabetes").target)
    both = normalised(data)
    assert len(both.notes) == 2


def test_scaling_refuses_what_has_no_scale() -> None:
    with pytest.raises(DataError, match=r"row 1 .* zero"):
        normalised(made([[1.0, 2.0], [0.0, 0.0]]))
    for constant in (3.0, 0.1, 1e-300, 0.0):
        with pytest.raises(DataError, match="column 1 \\('x1'\\) is constant"):
            standardised(made([[1.0, constant], [2.0, constant], [4.0, constant]]))


def test_a_dataset_checks_its_shapes() -> None:
    with pytest.raises((InvalidArgumentError, TypeCheckError)):  # the tests' run-time type check may come first
        made([[1.0], [2.0]], [1.0])
    with pytest.raises(InvalidArgumentError, match="target\\[1\\] is nan"):
        made([[1.0], [2.0]], [1.0, math.nan])
    with pytest.raises(InvalidArgumentError, match="2 feature names"):
        Dataset("x", np.eye(2), np.ones(2), ("a",), "y", "s", "l")


# Assumptions of the theorems.


def verdicts(data: Dataset) -> tuple[bool, ...]:
    return tuple(check.holds for check in hypotheses(data))


def test_random_points_on_the_sphere_meet_every_assumption() -> None:
    data = teacher_student(30, 5, seed=1)
    assert verdicts(data) == (True,) * 4
    assert all(check.remedy == "" for check in hypotheses(data))
    assert [check.name for check in hypotheses(data.features, data.target)] == [c.name for c in hypotheses(data)]


def test_standardised_and_normalised_diabetes_meets_every_assumption() -> None:
    raw = load_dataset("diabetes")
    assert not hypotheses(raw)[0].holds
    assert verdicts(normalised(standardised(raw))) == (True,) * 4


@pytest.mark.parametrize(
    ("X", "holds", "word"),
    [
        ([[1.0, 0.0], [0.6, 0.8], [1.0, 0.0]], (True, False, True, False), "rows 0 and 2 are parallel"),
        # Anti-parallel rows break the papers' assumption but not its conclusion: lambda_0 = 1/2.
        ([[1.0, 0.0], [-1.0, 0.0]], (True, False, True, True), "rows 0 and 1 are anti-parallel"),
        ([[0.6, 0.8], [1.2, 1.6]], (False, False, True, False), "rows 0 and 1 are parallel"),
        ([[1.0, 0.0], [0.0, 0.0]], (False, False, True, False), "row 1 is zero"),
    ],
)
def test_parallel_rows_are_named(X: list[list[float]], holds: tuple[bool, ...], word: str) -> None:
    checks = hypotheses(X, [0.0] * len(X))
    assert tuple(check.holds for check in checks) == holds
    assert word in checks[1].observed
    assert checks[1].remedy


def test_the_hexagon_is_not_proved_positive_though_its_rows_are_distinct() -> None:
    """Its kernel is exactly singular; the floats in X are not exactly the hexagon, so the honest answer is open."""
    assert verdicts(made(equispaced_circle(6))) == (True, False, True, False)
    assert verdicts(made(equispaced_circle(5))) == (True, True, True, True)


def test_nearly_parallel_rows_are_told_from_parallel_ones() -> None:
    for gap, parallel in ((1e-9, False), (1e-17, True)):
        X = [[1.0, 0.0], [math.cos(gap), math.sin(gap)]]
        assert hypotheses(X, [0.0, 0.0])[1].holds is not parallel


def test_the_proof_of_positivity_covers_the_rounding_of_the_kernel() -> None:
    """This rounded kernel is provably positive; its entries are not known well enough to say so of the exact one."""
    X = np.array([[1.0, 0.0], [math.cos(6e-14), math.sin(6e-14)]])
    assert smallest_eigenvalue(relu_ntk_limit(X)).is_positive
    assert not hypotheses(X, [0.0, 0.0])[3].holds


def test_hypotheses_ask_for_exactly_one_target() -> None:
    with pytest.raises(InvalidArgumentError, match="Expected targets"):
        hypotheses(np.eye(2))
    with pytest.raises(InvalidArgumentError, match="no y"):
        hypotheses(made(np.eye(2)), np.ones(2))


def test_a_single_point_meets_the_assumptions() -> None:
    assert verdicts(made([[1.0, 0.0]])) == (True,) * 4


# Generators.


def test_sphere_is_uniform_in_mean_and_covariance() -> None:
    n, d = 20_000, 4
    X = sphere(n, d, seed=2)
    np.testing.assert_allclose(np.linalg.norm(X, axis=1), 1.0, atol=ROUNDING)
    # Entries have variance 1/d and products at most that: six standard errors.
    assert np.abs(X.mean(axis=0)).max() < 6 / math.sqrt(n * d)
    assert np.abs(X.T @ X / n - np.eye(d) / d).max() < 6 / math.sqrt(n) / d * 1.5
    assert np.array_equal(X, sphere(n, d, seed=2))


@pytest.mark.parametrize("n", [1, 2, 3, 5, 8, 12, 17, 24])
def test_circle_points_are_equispaced_and_mirror_exactly(n: int) -> None:
    X = equispaced_circle(n)
    angles = 2 * np.pi * np.arange(n) / n
    np.testing.assert_allclose(X, np.column_stack([np.cos(angles), np.sin(angles)]), atol=1e-15)
    for k in range(n):
        assert np.array_equal(X[-k % n], X[k] * [1.0, -1.0])


def test_square_has_kernel_half_the_identity() -> None:
    assert np.array_equal(relu_ntk_limit(equispaced_circle(4)), 0.5 * np.eye(4))
    assert kernel_spectrum(relu_ntk_limit(equispaced_circle(3)))[0] == pytest.approx(1 / 3, abs=1e-15)


def test_teacher_noise_is_additive_and_has_the_stated_size() -> None:
    clean = teacher_student(4000, 5, seed=3)
    noisy = teacher_student(4000, 5, noise=0.5, seed=3)
    assert np.array_equal(clean.features, noisy.features)
    assert np.std(noisy.target - clean.target) == pytest.approx(0.5, rel=6 / math.sqrt(8000))


def test_generators_refuse_bad_sizes() -> None:
    for call in (
        lambda: sphere(0, 3, seed=0),
        lambda: equispaced_circle(0),
        lambda: teacher_student(3, 3, teacher_width=0, seed=0),
        lambda: teacher_student(3, 3, noise=-1.0, seed=0),
    ):
        with pytest.raises(InvalidArgumentError):
            call()


def test_tables_that_no_machine_holds_are_not_drawn() -> None:
    for n, d, width in ((10**11, 10, 10), (1, 10**7, 1), (10**30, 10**30, 10), (3, 3, 10**12)):
        with pytest.raises(InvalidArgumentError, match="Expected at most 100000000 numbers and 1000000 features"):
            teacher_student(n, d, teacher_width=width, seed=0)
