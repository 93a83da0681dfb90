"""The compiled modules; everything else about the package is in pyproject.toml."""

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
    "bloctel._arrow": [],
    "bloctel._clock": ["src/bloctel/_native/coarse_clock.h"],
    "bloctel._digits": ["src/bloctel/_native/french_text.h"],
    "bloctel._filter": [*FILTER, "src/bloctel/_native/index_layout.h"],
    "bloctel._probe": [*FILTER, "src/bloctel/_native/french_text.h"],
    "bloctel.scrub._records": ["src/bloctel/_native/csv_scan.h"],
}

setup(
    ext_modules=cythonize(
        [
            Extension(
                name,
                ["src/" + name.replace(".", "/") + ".pyx"],
                depends=headers,
                include_dirs=["src/bloctel/_native"],
                extra_compile_args=["/O2"] if os.name == "nt" else ["-O3"],
            )
            for name, headers in COMPILED.items()
        ],
        language_level=3,
    )
)
