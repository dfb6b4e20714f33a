"""What an alert's consequences are: rules in TOML, with modes, times to live, escalation and working hours."""

from prevention.policy.case import PolicyCase
from prevention.policy.config import TAG, Policy, load_policy, policy_from
from prevention.policy.proposals import Proposal, proposals

__all__ = ["TAG", "Policy", "PolicyCase", "Proposal", "load_policy", "policy_from", "proposals"]
