"""What every test is run with."""

import os

from hypothesis import HealthCheck, settings

# machines are shared and noisy: no example has a time limit
settings.register_profile(
    "bloctel", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
# the same examples in each run, so that a red run speaks of the change it tests
settings.register_profile("ci", settings.get_profile("bloctel"), derandomize=True)
settings.load_profile("ci" if "CI" in os.environ else "bloctel")
