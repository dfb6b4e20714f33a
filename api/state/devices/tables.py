"""The tables of the register of devices."""

from __future__ import annotations

from typing import Final

DEVICE_TABLES: Final = """
CREATE TABLE IF NOT EXISTS device (
    id TEXT PRIMARY KEY,
    first_seen REAL NOT NULL,
    last_seen REAL NOT NULL,
    mac TEXT,
    host_name TEXT,
    logs TEXT NOT NULL DEFAULT '[]',
    services TEXT NOT NULL DEFAULT '[]',
    kind TEXT,
    kind_reason TEXT,
    label TEXT,
    notes TEXT,
    tags TEXT NOT NULL DEFAULT '[]',
    critical INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS device_by_first_seen ON device (first_seen, id);
CREATE INDEX IF NOT EXISTS device_by_last_seen ON device (last_seen);
CREATE INDEX IF NOT EXISTS device_by_mac ON device (mac) WHERE mac IS NOT NULL;
CREATE INDEX IF NOT EXISTS device_critical ON device (id) WHERE critical;
CREATE TABLE IF NOT EXISTS device_name (known_as TEXT PRIMARY KEY, device TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS device_name_of ON device_name (device);
CREATE TABLE IF NOT EXISTS device_address (
    device TEXT NOT NULL,
    address TEXT NOT NULL,
    mac TEXT NOT NULL,
    first_seen REAL NOT NULL,
    last_seen REAL NOT NULL,
    PRIMARY KEY (device, address, mac)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS device_address_of ON device_address (address);
"""
"""``known_as`` is what the models call a device (`ingest.context.identity`); one device here may have several of these,
as an IPv6 address is a device of its own to them."""
