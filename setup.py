"""The compiled modules; all other settings of the package are in pyproject.toml.

Two environment variables are for tests: `BLOCTEL_PORTABLE=1` builds without
instructions that only some processors have, `BLOCTEL_SANITIZE=1` with AddressSanitizer
and UndefinedBehaviorSanitizer.
"""

import os

from Cython.Build import cythonize
from setuptools import Extension, setup

NATIVE = "src/bloctel/_native"
FILTER = ["xxh64.h", "sbbf.h", "index.h"]
#: The headers that each module includes.
COMPILED = {
    "bloctel._util._clocks": ["clocks.h"],
    "bloctel.numbers._digits": ["array_items.h", "french_text.h"],
    "bloctel.lookup._table_builder": [
        "array_items.h",
        "entries.h",
        "pair_sort.h",
        "xxh64.h",
    ],
    "bloctel._filter": ["array_items.h", *FILTER, "index_layout.h"],
    "bloctel.lookup._probe": ["array_items.h", *FILTER, "french_text.h", "ranges.h"],
    "bloctel.lookup._key_ranges": ["array_items.h", "ranges.h"],
    "bloctel.tabular._csv_scan": ["array_items.h", "csv_scan.h"],
    "bloctel.scrub.origin._sampling": ["array_items.h"],
}

SANITIZE = [
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=undefined",
    "-fno-omit-frame-pointer",
    "-g",
    "-O1",
]


def is_on(switch):
    """Return whether an environment variable is set, and not to 0."""
    return os.environ.get(switch, "0") != "0"


# -g0: debug symbols, which many Pythons ask for, take a third of the compiler's time.
OPTIMISED = ["/O2"] if os.name == "nt" else ["-O3", "-g0"]
COMPILE = SANITIZE if is_on("BLOCTEL_SANITIZE") else OPTIMISED
LINK = SANITIZE[:1] if is_on("BLOCTEL_SANITIZE") else []
MACROS = [("BLOCTEL_NO_SIMD", "1")] if is_on("BLOCTEL_PORTABLE") else []

setup(
    # the C compiler takes most of the time: run one for each processor
    options={"build_ext": {"parallel": os.cpu_count() or 1}},
    ext_modules=cythonize(
        [
            Extension(
                name,
                ["src/" + name.replace(".", "/") + ".pyx"],
                depends=[f"{NATIVE}/{header}" for header in headers],
                include_dirs=[NATIVE],
                define_macros=MACROS,
                extra_compile_args=COMPILE,
                extra_link_args=LINK,
            )
            for name, headers in COMPILED.items()
        ],
        language_level=3,
    ),
)
