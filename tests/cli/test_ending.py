"""How a command ends where something fails that is nobody's mistake."""

import errno
from contextlib import redirect_stderr
from io import StringIO

import numpy as np
import pytest
import torch
import typer

from zoobot.cli.ending import run

SHORTAGES = [
    MemoryError(),
    np._core._exceptions._ArrayMemoryError((1 << 40,), np.dtype("f4")),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB."),
    OSError(errno.ENOMEM, "Cannot allocate memory"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"),
    RuntimeError(
        "[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."
    ),
]


def failing(err: BaseException, *arguments: str) -> tuple[int, str]:
    app = typer.Typer(pretty_exceptions_enable=False)

    @app.command()
    def work() -> None:
        raise err

    said = StringIO()
    with redirect_stderr(said), pytest.raises(SystemExit) as end:
        run(app, arguments)
    return int(end.value.code or 0), said.getvalue()


@pytest.mark.parametrize("err", SHORTAGES, ids=lambda err: type(err).__name__)
def test_a_shortage_of_memory_is_one_message(err):
    code, said = failing(err)
    assert code == 2
    assert said.startswith("Error: there is not enough memory") and "--batch-size" in said
    with pytest.raises(type(err)):
        failing(err, "--debug")


def test_other_errors_are_not_taken_for_it():
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        failing(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
