"""What goes wrong by a user's mistake."""


class UserError(Exception):
    """A mistake that the user can mend. The message is one line and says how.

    Entry points print it as `<program>: <message>` to standard error and exit with status 2.
    """


_NO_MEMORY = ("can't allocate memory", "out of memory", "ALLOC_FAILED")  # in words of torch, of CUDA, of cuBLAS


def lacks_memory(error: Exception) -> bool:
    """Tell whether there was not enough memory. On the CPU torch has no error of its own for it.

    >>> lacks_memory(RuntimeError("[enforce fail at alloc_cpu.cpp:1] DefaultCPUAllocator: can't allocate memory"))
    True
    """
    is_torchs = isinstance(error, RuntimeError) and any(words in str(error) for words in _NO_MEMORY)
    return isinstance(error, MemoryError) or is_torchs
