"""Whole templates for hypothesis, with the parameter values, images and settings that go with them."""

from strategies.hostile import hostile
from strategies.scenarios import Scenario, scenarios, sized

__all__ = ["Scenario", "hostile", "scenarios", "sized"]
