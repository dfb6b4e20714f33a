"""What a real Suricata writes of real captures is read whole: each flow a connection, each query a record."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from ingest.decode.decoder import LogDecoder

CONFIGURATION = Path(__file__).with_name("suricata.yaml")
CAPTURES = [
    "coap_mqtt",
    "dns-tunnel-iodine",
    "dns_exfiltration",
    "malicious-ssh-bruteforce",
    "mirai-34-1-irc",
    "modbusSmall",
    "philips-hue-lan",
    "synscan",
    "test12-icmp-portscan",
    "tplink_shp",
    "tuya_lp",
]


def written(pcap: Path, out: Path) -> Path:
    """Have Suricata read a capture with its default threads; return its log."""
    if shutil.which("suricata") is None:
        pytest.skip("suricata is not on PATH (Debian: bookworm-backports)")
    command = ["suricata", "-c", CONFIGURATION, "-r", pcap, "-l", out, "-k", "none"]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return out / "eve.json"


@pytest.mark.parametrize("capture", CAPTURES)
def test_a_capture_is_read_whole(shared_data: Path, tmp_path: Path, capture: str) -> None:
    eve = written(shared_data / "pcaps" / f"{capture}.pcap", tmp_path)
    events = [json.loads(line) for line in eve.read_text().splitlines()]
    types = Counter(event["event_type"] for event in events)
    decoder = LogDecoder(str(eve))
    batches = [*decoder.feed(eve.read_bytes()), *decoder.finish()]
    assert list(decoder.malformed) == []
    counts = decoder.counts.records
    assert sum(map(len, batches)) == counts.total()
    assert (counts["conn"], counts["http"], counts["ssl"]) == (types["flow"], types["http"], types["tls"])
    assert (counts["ssh"], counts["dhcp"], counts["suricata_alert"]) == (types["ssh"], types["dhcp"], types["alert"])
    assert counts["dns"] == transactions(events)
    assert counts["conn"] > 0


def transactions(events: list[dict[str, object]]) -> int:
    """Count queries, and answers to which no query was seen before."""
    asked: Counter[tuple[object, object]] = Counter()
    total = 0
    for event in events:
        dns = event.get("dns")
        if event["event_type"] == "dns" and isinstance(dns, dict):
            key, is_query = (event["flow_id"], dns["id"]), dns["type"] == "query"
            total += is_query or not asked[key]
            asked[key] = int(is_query)
    return total
