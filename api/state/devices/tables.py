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

GROUP_TABLES: Final = """
CREATE TABLE IF NOT EXISTS device_part (part TEXT PRIMARY KEY, root TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS device_part_of ON device_part (root);
CREATE TABLE IF NOT EXISTS device_split (
    known_as TEXT NOT NULL,
    address TEXT NOT NULL,
    device TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (known_as, address)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS device_change (
    id INTEGER PRIMARY KEY,
    what TEXT NOT NULL,
    at REAL NOT NULL,
    author TEXT NOT NULL,
    parts TEXT NOT NULL,
    before TEXT NOT NULL,
    names TEXT NOT NULL,
    records TEXT NOT NULL,
    undone INTEGER
);
CREATE VIEW IF NOT EXISTS device_known AS
    SELECT known_as, coalesce(root, device) AS device FROM device_name LEFT JOIN device_part ON part = device;
CREATE VIEW IF NOT EXISTS device_at AS
    SELECT coalesce(root, device) AS device, address, mac, first_seen, last_seen
    FROM device_address LEFT JOIN device_part ON part = device;
"""
"""What people say of which devices are one.

A row of ``device`` is a part: what evidence tells apart, or an address that a person has split off. Parts that were
merged have a root, the oldest of them; ``device_part`` has the others. ``device_split`` says of which device a person
says that an address is, which evidence takes for that of ``known_as``; ``name`` is what the models know it by.
``device_change`` has what was done, with what takes it back (``before``), by which names the models know devices
afterwards, and how many records of each log kind had been followed by then (`api.state.devices.grouping`).
"""
