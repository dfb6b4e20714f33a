"""Who may use the service, and who did what: tokens, sessions and the audit log, in a file of their own.

It lies beside the store of alerts, not in it: whoever moves a damaged store away is not locked out or let in by that,
a token can be made before the first start, and no write of it holds up alerts.
"""

from api.state.access.audit import AuditEntry, AuditLog, AuditQuery, Deed
from api.state.access.database import AccessDatabase
from api.state.access.sessions import SessionStore
from api.state.access.tokens import SCOPES, Scope, Token, TokenStore

__all__ = [
    "SCOPES",
    "AccessDatabase",
    "AuditEntry",
    "AuditLog",
    "AuditQuery",
    "Deed",
    "Scope",
    "SessionStore",
    "Token",
    "TokenStore",
]
