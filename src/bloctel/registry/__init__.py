"""Registries: registrations in a storage, with look-ups on them."""

from bloctel.registry.follower import Follower
from bloctel.registry.registry import Registry

__all__ = ["Follower", "Registry"]
