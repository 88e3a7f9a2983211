"""What the worker says: once configured, one line each, with ids and never with bodies."""

from workers.logs.clean import clean
from workers.logs.outcomes import log_outcome
from workers.logs.quota import Quota
from workers.logs.setup import LogPlan, configure, settle

__all__ = ["LogPlan", "Quota", "clean", "configure", "log_outcome", "settle"]
