"""How a program adds, finds and changes its tasks."""

from taskshed.schedulers._async import AsyncScheduler

__all__ = ["AsyncScheduler"]
