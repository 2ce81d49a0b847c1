"""Hypothesis strategies for whole templates, with parameter values, images and settings."""

from strategies.malformed import malformed
from strategies.scenarios import Scenario, scenarios, undersized

__all__ = ["Scenario", "malformed", "scenarios", "undersized"]
