"""Who may do what inside a tenant: one table. A platform admin (superuser) may do everything."""

from enum import StrEnum


class Role(StrEnum):
    VIEWER = "viewer"
    OPERATOR = "operator"
    APPROVER = "approver"
    ADMIN = "admin"


class Capability(StrEnum):
    VIEW = "view"  # runs, logs, gates, settings
    OPERATE = "operate"  # start, cancel, retry runs; change a run's settings
    DECIDE = "decide"  # approve and reject gates
    ADMINISTER = "administer"  # tenant settings, members, tokens of others


CAPABILITIES: dict[Role, frozenset[Capability]] = {
    Role.VIEWER: frozenset({Capability.VIEW}),
    Role.OPERATOR: frozenset({Capability.VIEW, Capability.OPERATE}),
    Role.APPROVER: frozenset({Capability.VIEW, Capability.OPERATE, Capability.DECIDE}),
    Role.ADMIN: frozenset(Capability),
}


def roles_with(capability: Capability) -> frozenset[Role]:
    return frozenset(role for role, able in CAPABILITIES.items() if capability in able)
