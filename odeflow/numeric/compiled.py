"""How does generated code become a function that a solver can call? LLVM text in, machine code out, kept on disk.

A compiled field is one C function `void f(double t, const double *y, const double *parameters, double *out)` that
writes all of its outputs. Solvers see only its address, so no solver is ever recompiled for a new field.

Machine code is kept in a user cache folder, one file a field, named by a hash of the LLVM text, the LLVM build and
the processor. The folder is `$ODEFLOW_CACHE_DIR` if that is set, else `odeflow` in `$XDG_CACHE_HOME` (or `~/.cache`),
else a private folder among the temporary files. A file that is damaged is rebuilt; where no folder can be written,
everything works without one. The folder may be deleted at any time.
"""

from __future__ import annotations

import contextlib
import ctypes
import ctypes.util
import hashlib
import os
import stat
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import llvmlite
import llvmlite.binding as llvm
import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from odeflow.errors import InvalidArgumentError
from odeflow.numeric.arrays import as_vector, require_count, require_finite

__all__ = [
    "CompiledExpression",
    "CompiledField",
    "MachineCode",
    "Numbers",
    "cache_folder",
    "load_machine_code",
]

ENTRY_POINT = "odeflow_entry"
"""Name of the one function that every generated module defines."""

LIBM = (
    *("exp", "exp2", "expm1", "log", "sqrt", "pow", "sin", "cos", "tan", "asin", "acos", "atan", "atan2"),
    *("sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "erf", "erfc", "fma", "fmax", "fmin", "rint", "fabs", "floor"),
)
"""C library functions that generated code may call."""

Numbers: TypeAlias = ArrayLike | Sequence[Any] | float | int
"""Whatever NumPy makes an array of real numbers of. (NumPy's own alias leaves out tuples.)"""

_MAGIC = b"odeflow machine code 1\n"
_FIELD_TYPE = ctypes.CFUNCTYPE(None, ctypes.c_double, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
_MAP_TYPE = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p)


@dataclass(frozen=True, eq=False)
class MachineCode:
    """A loaded function: its address stays valid as long as this object lives."""

    address: int
    engine: Any = field(repr=False)


@dataclass(frozen=True, eq=False)
class CompiledField:
    """A vector field, or any vector function of (t, y, parameters), as machine code.

    Use `odeflow.codegen.compile_field` to build one from SymPy expressions. To bring your own C function with the
    signature `void f(double t, const double *y, const double *parameters, double *out)` (a Numba `cfunc`, a `ctypes`
    function), pass its address and the object that owns it as `keep_alive`. The function must write every output,
    keep no state between calls, and must not raise.

    Parameters
    ----------
    address
        Address of the C function.
    dimension
        How many outputs it writes.
    n_states
        How many states it reads; equals `dimension` for a vector field.
    n_parameters
        How many parameters it reads.
    code
        LLVM text, if the field was generated; a field that has it can be pickled.
    keep_alive
        The owner of the machine code.
    lane_code
        LLVM text of the same function for several trajectories at once, if the field was generated. Ensembles use it;
        it is compiled when it is first needed.

    Raises
    ------
    InvalidArgumentError
        The address is null or a size is negative.

    Examples
    --------
    >>> from numba import cfunc, types
    >>> pointer = types.CPointer(types.float64)
    >>> @cfunc(types.void(types.float64, pointer, pointer, pointer))
    ... def decay(t, y, parameters, out):
    ...     out[0] = -parameters[0] * y[0]
    >>> field = CompiledField(decay.address, dimension=1, n_states=1, n_parameters=1, keep_alive=decay)
    >>> field(0.0, [2.0], [3.0])
    array([-6.])
    """

    address: int
    dimension: int
    n_states: int
    n_parameters: int = 0
    code: str | None = field(default=None, repr=False)
    keep_alive: Any = field(default=None, repr=False)
    lane_code: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        require_count("address", self.address)
        require_count("dimension", self.dimension)
        require_count("n_states", self.n_states)
        require_count("n_parameters", self.n_parameters, minimum=0)

    @classmethod
    def from_code(
        cls, code: str, *, dimension: int, n_states: int, n_parameters: int = 0, lane_code: str | None = None
    ) -> CompiledField:
        """Compile generated code, or load it from the cache."""
        machine = load_machine_code(code)
        return cls(machine.address, dimension, n_states, n_parameters, code, machine, lane_code)

    @cached_property
    def lanes(self) -> MachineCode | None:
        """The function for several trajectories at once, `void f(t, y, parameters, out)` with rows of `LANES` numbers.

        None for a field that was not generated.
        """
        return None if self.lane_code is None else load_machine_code(self.lane_code)

    def __call__(
        self, t: float, y: Numbers, parameters: Numbers = ()
    ) -> Float[np.ndarray, " m"]:
        """Evaluate once; meant for tests and plots, since each call crosses from Python to C.

        Parameters
        ----------
        t
            Time.
        y
            State, float64, shape (n_states,).
        parameters
            Parameters, float64, shape (n_parameters,).

        Returns
        -------
        Float[np.ndarray, " m"]
            Outputs, shape (dimension,).
        """
        state = as_vector("y", y, length=self.n_states)
        values = checked_parameters(parameters, self.n_parameters)
        out = np.empty(self.dimension)
        self._function(require_finite("t", t), state.ctypes.data, values.ctypes.data, out.ctypes.data)
        return out

    @cached_property
    def _function(self) -> Any:
        return _FIELD_TYPE(self.address)

    def __reduce__(self) -> tuple[Any, ...]:
        if self.code is None:
            raise TypeError("This field was built from a bare address, which means nothing in another process.")
        return _rebuild_field, (self.code, self.dimension, self.n_states, self.n_parameters, self.lane_code)


@dataclass(frozen=True, eq=False)
class CompiledExpression:
    """A real function of several real arguments as machine code; broadcasts over NumPy arrays.

    Built by `odeflow.codegen.compile_expression`.

    Parameters
    ----------
    arguments
        Names of the arguments, in the order of the call.
    code
        LLVM text.
    machine
        The loaded function.
    """

    arguments: tuple[str, ...]
    code: str = field(repr=False)
    machine: MachineCode = field(repr=False)

    def __call__(self, *values: Numbers) -> Float[np.ndarray, ...]:
        """Evaluate at broadcast arguments; NaN where the expression is not real.

        Parameters
        ----------
        values
            One real array or number for each argument, shapes broadcastable against each other.

        Returns
        -------
        Float[np.ndarray, "..."]
            Values in float64, of the broadcast shape (shape () if all arguments are numbers).

        Raises
        ------
        InvalidArgumentError
            The number of arguments is wrong, an argument is not real, or the shapes do not broadcast.
        """
        if len(values) != len(self.arguments):
            raise InvalidArgumentError(
                f"Expected {len(self.arguments)} arguments ({', '.join(self.arguments)}) but got {len(values)}."
            )
        columns = [_as_real(name, value) for name, value in zip(self.arguments, values, strict=True)]
        try:
            shape = np.broadcast_shapes(*(column.shape for column in columns))
        except ValueError:
            shapes = ", ".join(f"{n} {c.shape}" for n, c in zip(self.arguments, columns, strict=True))
            raise InvalidArgumentError(f"Expected shapes that broadcast but got {shapes}.") from None
        stacked = np.empty((len(columns), *shape))
        for index, column in enumerate(columns):  # not by rows: a row of scalars would be a copy
            stacked[index] = column
        out = np.empty(shape)
        self._function(out.size, stacked.ctypes.data, out.ctypes.data)
        return out

    @cached_property
    def _function(self) -> Any:
        return _MAP_TYPE(self.machine.address)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild_expression, (self.arguments, self.code)


def load_machine_code(code: str) -> MachineCode:
    """Return the machine code of an LLVM module that defines `ENTRY_POINT`, from the cache if it is there.

    Parameters
    ----------
    code
        LLVM text of one module without external references other than `LIBM`.

    Returns
    -------
    MachineCode
        The address of the entry point, and the engine that keeps it valid.
    """
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    digest = _fingerprint(code)
    for folder in cache_folders():
        stored = _read(folder / f"{digest}.o")
        if stored is not None:
            return _link(stored)
    compiled = _compile(code)
    for folder in cache_folders():
        if _write(folder / f"{digest}.o", compiled):
            break
    return _link(compiled)


def cache_folder() -> Path | None:
    """Return the folder in which machine code is kept, or None if there is none that can be written."""
    return next((folder for folder in cache_folders() if os.access(folder, os.W_OK | os.X_OK)), None)


def cache_folders() -> Iterator[Path]:
    """Yield the folders that exist or could be made and may be trusted, best first."""
    chosen = os.environ.get("ODEFLOW_CACHE_DIR")
    if chosen:
        if _make(Path(chosen)):
            yield Path(chosen)
        return
    base = os.environ.get("XDG_CACHE_HOME")
    with contextlib.suppress(RuntimeError):  # no home folder
        usual = (Path(base) if base and Path(base).is_absolute() else Path.home() / ".cache") / "odeflow"
        if _make(usual) and _is_private(usual):
            yield usual
    user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
    temporary = Path(tempfile.gettempdir()) / f"odeflow-{user}"
    if _make(temporary) and _is_private(temporary):
        yield temporary


def checked_parameters(value: Numbers, count: int) -> Float[np.ndarray, " p"]:
    """Return parameters as a finite float64 vector of the given length, which may be 0."""
    if count == 0 and np.size(value) == 0:
        return np.empty(0)
    return as_vector("parameters", value, length=count)


def _make(folder: Path) -> bool:
    with contextlib.suppress(OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder.is_dir()


def _is_private(folder: Path) -> bool:
    """Tell whether nobody else can plant code there: we would run it."""
    if not hasattr(os, "getuid"):
        return True
    try:
        status = os.lstat(folder)
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & stat.S_IWOTH


def _read(path: Path) -> bytes | None:
    """Return stored machine code if the file is whole (LLVM aborts the process on a damaged object)."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    head = len(_MAGIC) + hashlib.sha256().digest_size
    payload = content[head:]
    return payload if content[:head] == _MAGIC + hashlib.sha256(payload).digest() else None


def _write(path: Path, payload: bytes) -> bool:
    """Store machine code in one atomic step, so that a racing process sees all of it or nothing."""
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".new-", delete=False) as stream:
            temporary = stream.name
            stream.write(_MAGIC + hashlib.sha256(payload).digest() + payload)
        os.replace(temporary, path)
    except OSError:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        return False
    return True


def _fingerprint(code: str) -> str:
    version = ".".join(map(str, llvm.llvm_version_info))
    parts = (llvmlite.__version__, version, llvm.get_process_triple(), llvm.get_host_cpu_name(), _features(), code)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _features() -> str:
    return str(llvm.get_host_cpu_features().flatten())


def _target_machine() -> Any:
    target = llvm.Target.from_triple(llvm.get_process_triple())
    return target.create_target_machine(cpu=llvm.get_host_cpu_name(), features=_features(), opt=2, jit=True)


def _compile(code: str) -> bytes:
    # In LLVM's global context: llvmlite serialises its calls, so threads may share it, while a context of our own would
    # have to outlive the engine, which garbage collection does not promise.
    module = llvm.parse_assembly(code)
    module.verify()
    machine = _target_machine()
    module.triple = llvm.get_process_triple()
    module.data_layout = str(machine.target_data)
    options = llvm.create_pipeline_tuning_options(speed_level=2)
    options.slp_vectorization = True
    options.loop_vectorization = True
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    return bytes(machine.emit_object(module))


def _link(compiled: bytes) -> MachineCode:
    _require_symbols(LIBM)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _target_machine())
    engine.add_object_file(llvm.ObjectFileRef.from_data(compiled))
    engine.finalize_object()
    return MachineCode(int(engine.get_function_address(ENTRY_POINT)), engine)


def _require_symbols(names: Sequence[str]) -> None:
    """Make C library functions known to the linker where the process does not already export them."""
    missing = [name for name in names if llvm.address_of_symbol(name) is None]
    if missing:
        path = ctypes.util.find_library("m") or ctypes.util.find_library("msvcrt")
        library = ctypes.CDLL(path)
        for name in missing:
            function = getattr(library, name, None)
            if function is not None:
                llvm.add_symbol(name, ctypes.cast(function, ctypes.c_void_p).value)


def _as_real(name: str, value: Numbers) -> Float[np.ndarray, ...]:
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        raise InvalidArgumentError(f"Expected {name} to be real numbers but got {value!r:.80}.")
    return array.astype(np.float64)


def _rebuild_field(
    code: str, dimension: int, n_states: int, n_parameters: int, lane_code: str | None
) -> CompiledField:
    return CompiledField.from_code(
        code, dimension=dimension, n_states=n_states, n_parameters=n_parameters, lane_code=lane_code
    )


def _rebuild_expression(arguments: tuple[str, ...], code: str) -> CompiledExpression:
    return CompiledExpression(arguments, code, load_machine_code(code))
