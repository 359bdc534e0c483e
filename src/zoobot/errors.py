"""What can go wrong for a user: one class a kind, each also a ``ValueError`` or an ``OSError``.

Every message says what was wrong, what was expected and what to do next. The commands print it and exit with code 2
(`WorkerError`: 1).
"""

import errno


class ZoobotError(Exception):
    """Any mistake that the user can mend; the base of all the classes here."""


class CatalogError(ZoobotError, ValueError):
    """A catalog that can't be used: missing column, missing files, duplicated ``id_str``, no rows."""


class LabelError(CatalogError):
    """Labels that don't fit the task: NaN, negative or fractional classes, one class only, too many classes."""


class SplitError(CatalogError):
    """Too few rows, or too few of one class, to make training, validation and test parts."""


class ImageError(ZoobotError, OSError):
    """An image that can't be read, or that has other bands than asked for."""


class OptionError(ZoobotError, ValueError):
    """An option outside its range, or options that contradict each other."""


class EncoderError(ZoobotError, ValueError):
    """An encoder that is not known, can't be fetched, or doesn't fit the rest of the model."""


class TreeError(ZoobotError, ValueError):
    """A decision tree that is not one: unknown parent, cycle, duplicate column."""


class ModelFileError(ZoobotError, OSError):
    """A saved model or checkpoint that is missing, damaged, or written by a newer version."""


class OutputError(ZoobotError, OSError):
    """A place to save to that can't be written, or a table format that is not known."""


class WorkerError(ZoobotError, RuntimeError):
    """The system killed a process that decodes images: no mistake, but most likely for want of memory."""


_NO_MEMORY = ("can't allocate memory", "not enough memory", "out of memory", "ALLOC_FAILED")


def lacks_memory(err: BaseException) -> bool:
    """Tell whether an error says that there is not enough memory, of the machine or of a GPU.

    Numpy and torch say it in several ways.
    """
    said = str(err)
    if isinstance(err, OSError):
        return err.errno == errno.ENOMEM  # as where no process can be started
    return isinstance(err, MemoryError) or (
        isinstance(err, RuntimeError) and any(words in said for words in _NO_MEMORY)
    )
