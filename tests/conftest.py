"""What every test is run with."""

from hypothesis import HealthCheck, settings

# machines are shared and noisy: no example has a time limit
settings.register_profile(
    "bloctel", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("bloctel")
