"""The compiled modules; everything else about the package is in pyproject.toml.

Two switches in the environment, for tests: `BLOCTEL_PORTABLE=1` builds without what
only some processors have, `BLOCTEL_SANITIZE=1` with AddressSanitizer and
UndefinedBehaviorSanitizer.
"""

import os

from Cython.Build import cythonize
from setuptools import Extension, setup

FILTER = [
    "src/bloctel/_native/xxh64.h",
    "src/bloctel/_native/sbbf.h",
    "src/bloctel/_native/index.h",
]
# each with the headers that it includes
COMPILED = {
    "bloctel.numbers._arrow": [],
    "bloctel._util._coarse_clock": ["src/bloctel/_native/coarse_clock.h"],
    "bloctel.numbers._digits": ["src/bloctel/_native/french_text.h"],
    "bloctel.lookup._table_builder": [
        "src/bloctel/_native/entries.h",
        "src/bloctel/_native/pair_sort.h",
        "src/bloctel/_native/xxh64.h",
    ],
    "bloctel._filter": [*FILTER, "src/bloctel/_native/index_layout.h"],
    "bloctel.lookup._probe": [
        *FILTER,
        "src/bloctel/_native/french_text.h",
        "src/bloctel/_native/ranges.h",
    ],
    "bloctel.lookup._key_ranges": ["src/bloctel/_native/ranges.h"],
    "bloctel.tabular._csv_scan": ["src/bloctel/_native/csv_scan.h"],
    "bloctel.scrub.origin._sampling": [],
}

SANITIZE = [
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=undefined",
    "-fno-omit-frame-pointer",
    "-g",
    "-O1",
]


def is_on(switch):
    """Tell whether a switch is set in the environment."""
    return os.environ.get(switch, "0") != "0"


OPTIMISED = ["/O2"] if os.name == "nt" else ["-O3"]
COMPILE = SANITIZE if is_on("BLOCTEL_SANITIZE") else OPTIMISED
LINK = SANITIZE[:1] if is_on("BLOCTEL_SANITIZE") else []
MACROS = [("BLOCTEL_NO_SIMD", "1")] if is_on("BLOCTEL_PORTABLE") else []

setup(
    # what takes long is the C compiler, and it waits for none of the others
    options={"build_ext": {"parallel": os.cpu_count() or 1}},
    ext_modules=cythonize(
        [
            Extension(
                name,
                ["src/" + name.replace(".", "/") + ".pyx"],
                depends=headers,
                include_dirs=["src/bloctel/_native"],
                define_macros=MACROS,
                extra_compile_args=COMPILE,
                extra_link_args=LINK,
            )
            for name, headers in COMPILED.items()
        ],
        language_level=3,
    ),
)
