"""The small process that holds the capability: fetches what is wanted, and keeps enforcers to it."""

from prevention.agent.agent import Agent, sweep
from prevention.agent.config import AgentConfig, load_agent_config

__all__ = ["Agent", "AgentConfig", "load_agent_config", "sweep"]
