"""Settings shared by all tests: one BLAS thread per worker, hypothesis without deadlines and repeatable."""

import os

# Read by the BLAS libraries when numpy is imported, so set before any test module is.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

# Tests compile; those of the cache say which one they mean.
os.environ["TENONC_CACHE"] = "off"

from hypothesis import settings  # noqa: E402

settings.register_profile("tenon", deadline=None, derandomize=True, max_examples=25)
settings.load_profile("tenon")
