"""Puts a service together from its settings: what can be wrong is found before anything starts."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import orjson

from api.decisions import Prevention
from api.decisions.beside import Observers, Subscribers, policy_of
from api.devices.recorder import Recorder
from api.devices.sightings import Sightings
from api.errors import SettingsError, StateError
from api.logins import make_first_token
from api.maintenance import Maintained
from api.mutes import Mutes
from api.pipeline import CommandQueue, Pipeline, Scorer
from api.pipeline.checkpointer import Checkpointer
from api.pipeline.clock import Clock
from api.pipeline.jobs import JobBoard
from api.pipeline.models import (
    REPLAYED,
    TAUGHT,
    checkpoint_parts,
    load_models,
    log_time_of,
    model_config,
    renamings_of,
    still_open_by,
    without_models,
)
from api.pipeline.runner import Parts
from api.pipeline.warmup import warm_up
from api.serve.stream import Hub, Kept, StreamLimits
from api.serve.stream.decision_events import message_of
from api.serve.stream.device_events import new_device
from api.serve.stream.optional import require_socketio
from api.serve.tls import certificate_of
from api.service import Access, RequestLimits, Service
from api.settings import default_state_directory, setting_names
from api.sinks.log import ChangeLog
from api.sinks.registry import make_sinks
from api.sinks.runner import Sinks
from api.state.devices.register import DeviceRegister
from api.state.directory import fingerprint, state_directory
from api.state.restoring import begin_from
from api.state.rules import RuleStore
from api.state.snapshots import KeptOverTime, SnapshotStore
from api.state.store import AlertReader, AlertWriter, EvidenceReader
from api.state.store.retention import KeepLimits
from api.state.store.sequence import Archive, sequence_in
from api.state.windows import WindowStore
from ingest.follow.checkpoints import CheckpointStore
from ingest.follow.source import FollowSource
from online_models.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from api.sections import SocketIOConfig, StoreConfig
    from api.settings import Settings
    from api.state.directory import StateDirectory
    from api.state.store.sequence import Sequence

_MIB: Final = 1 << 20
_DAY_S: Final = 86_400.0
_ROTATED_S: Final = _DAY_S  # no log is rotated less often


@contextmanager
def assembled(
    settings: Settings, catch_up_since: float | None = None, warm_start: Path | None = None
) -> Iterator[Service]:
    """Yield the service, not yet started; its state directory is locked meanwhile.

    Rotated and archived logs that were written since `catch_up_since`, epoch seconds, are read, too. A new state begins
    from the snapshot `warm_start`.

    Raises
    ------
    ServiceError, IngestError
        With one line that says what to change.
    """
    logs = settings.traffic.logs
    if logs is None:
        raise SettingsError(f"no folder of logs was named; {setting_names('TrafficAnalyzerConfig', 'logs')}")
    with ExitStack() as stack:
        state = stack.enter_context(state_directory(settings.traffic.state or default_state_directory(logs)))
        make_first_token(settings.server.first_token, state.access)
        if warm_start is not None:
            begin_from(warm_start, state, settings)
        assembly = _Assembly(settings, state)
        source = stack.enter_context(assembly.source(logs, catch_up_since))
        yield assembly.service(source, stack.enter_context(sequence_in(state.alerts, "events")))


class _Assembly:
    """The settings, the state directory, and the checkpoint that was found in it."""

    def __init__(self, settings: Settings, state: StateDirectory) -> None:
        self._settings = settings
        self._state = state
        self._checkpoints = CheckpointStore(state.checkpoints, fingerprint=fingerprint(model_config(settings)))
        self._found: Mapping[str, bytes] = self._checkpoints.load() or {}
        self._writer = AlertWriter(state.alerts, site=settings.traffic.site)
        self._writer.retention.limits = keep_limits(settings.store)
        self._clock = Clock()
        self._rules = RuleStore(state.rules, self._clock.wall)
        if settings.traffic.rules is not None:
            self._rules.read_file(settings.traffic.rules)
        self._windows = WindowStore(state.rules, self._clock.wall)
        self._writer.mutes = Mutes(lambda: self._rules.rules, self._clock.wall)
        self._devices = DeviceRegister(state.alerts, settings.models.max_devices)
        log = ChangeLog(state.alerts, settings.server.public_url)
        self._sinks = Sinks(make_sinks(settings.sinks), log) if settings.sinks else None

    def source(self, logs: Path, catch_up_since: float | None) -> FollowSource:
        if catch_up_since is not None and REPLAYED in self._found:
            self._refuse_to_learn_twice(catch_up_since)
        return FollowSource(
            logs,
            positions=orjson.loads(self._found.get("positions", b"null")),
            taught=orjson.loads(self._found.get(TAUGHT, b"[]")),
            still_open=still_open_by(self._found),
            scan_interval_s=self._settings.traffic.scan_interval_s,
            catch_up_since=catch_up_since,
            silence_s=self._settings.traffic.stale_after_min * 60,
            scored=KINDS,
        )

    def _refuse_to_learn_twice(self, since: float) -> None:
        """Raise if a replay may have taught what was written since then: it keeps no list of the files it read."""
        replayed = float(orjson.loads(self._found[REPLAYED]))
        if since < replayed + _ROTATED_S:
            until = datetime.fromtimestamp(replayed, UTC).strftime("%Y-%m-%d %H:%M UTC")
            raise StateError(
                f"state directory {self._state.path}: replay has taught these models what was logged until {until}, and"
                " --catch-up could learn it again; leave it out, name a time more than a day later,"
                " or name another folder with --state"
            )

    def service(self, source: FollowSource, event_numbers: Sequence) -> Service:
        server, models = self._settings.server, self._settings.models
        limits = StreamLimits(server.subscriber_queue, server.history, server.max_subscribers)
        path = self._state.alerts
        kept = Kept(
            self._writer.sequence,
            event_numbers,
            Archive(path, "alerts"),
            Archive(path, "events"),
            self._writer.state_id,
        )
        hub = Hub(limits, kept, self._clock, self._writer.site)
        tell = hub.happenings.tell
        prevention = Prevention(
            self._state.decisions,
            policy_of(self._settings),
            self._clock,
            lambda event: tell(*message_of(event)),
            self._settings.store.max_age_days * _DAY_S,
        )
        prevention.said = self._devices.said()
        recorder = Recorder(self._devices, lambda device, more: tell("device", new_device(device, more)))
        pipeline = Pipeline(
            prepare=lambda: self._parts(source, hub, prevention, recorder),
            commands=CommandQueue(server.command_queue),
            jobs=JobBoard(
                models.max_waiting_jobs, models.max_finished_jobs, lambda status: tell("job", {"job": status})
            ),
            clock=self._clock,
        )
        return Service(
            pipeline=pipeline,
            hub=hub,
            alerts=AlertReader(self._state.alerts),
            evidence=EvidenceReader(self._state.alerts),
            state=self._state,
            limits=_limits(server, models.train_chunk_records),
            access=_access(server, self._settings.store),
            clock=self._clock,
            sinks=self._sinks,
            prevention=prevention,
            rules=self._rules,
            rules_file=self._settings.traffic.rules,
            windows=self._windows,
            policy=self._settings.prevention.policy,
            devices=self._devices,
        )

    def _parts(self, source: FollowSource, hub: Hub, prevention: Prevention, recorder: Recorder) -> Parts:
        """Build what the pipeline thread owns. Called in it."""
        warm_up()
        models = load_models(self._settings, self._found)
        renamings = renamings_of(self._found, self._state.alerts)
        self._found = without_models(self._found)
        scorer = Scorer(models.engine, self._writer, Subscribers(hub, prevention), models.records, renamings)
        scorer.log_ts = log_time_of(self._found)
        scorer.maintained = Maintained(
            models.engine,
            lambda: self._windows.windows,
            models.identities.lookup,
            self._devices.tagged,
            lambda address: self._devices.beside(models.identities.name_of(address)),
        )
        self._writer.mutes.beside = self._devices.beside
        checkpointer = Checkpointer(
            KeptOverTime(self._checkpoints, SnapshotStore(self._state.snapshots)),
            lambda: {
                "positions": orjson.dumps(source.positions()),
                **checkpoint_parts(models, scorer.log_ts, scorer.records(), scorer.renamings.applied),
                **{name: part for name, part in self._found.items() if name in {REPLAYED, TAUGHT}},
            },
            self._writer.sync,
            self._settings.traffic.checkpoint_interval_s,
            self._clock,
        )
        self._writer.owners.lookup = models.identities.lookup
        hub.publish_untold(*self._writer.rest())
        scorer.identify, scorer.names_of = models.identities.told, models.identities.peer_names.of
        scorer.renamed = self._devices.take_renamed
        scorer.own_alerts = lambda: prevention.own_alerts
        scorer.sightings = sightings = Sightings(
            models.identities.users_of,
            recorder.give,
            self._settings.models.max_devices,
            self._clock.monotonic,
        )

        def close() -> None:
            sightings.hand_over_all()
            recorder.stop()
            hub.publish_rest()
            self._writer.close()
            prevention.stop()
            recorder.close()
            self._rules.close()
            self._windows.close()

        def forgotten() -> dict[str, int]:
            return {"devices": recorder.forgotten, "sightings": recorder.lost + sightings.missed}

        prevention.start(AlertReader(self._state.alerts))
        recorder.start()
        return Parts(source, scorer, Observers(models.identities, prevention, forgotten), checkpointer, close)


def keep_limits(store: StoreConfig) -> KeepLimits:
    """Return what the settings have the alert store keep."""
    return KeepLimits(store.max_age_days * _DAY_S, int(store.max_size_mb * _MIB))


def _access(server: SocketIOConfig, store: StoreConfig) -> Access:
    if server.socketio:
        require_socketio()
    return Access(
        cors_origins=server.cors_origins,
        allowed_hosts=(server.host, *server.allowed_hosts),
        trusted_proxies=server.trusted_proxies,
        root_path=server.root_path,
        login_header=server.login_header,
        login_scopes=server.login_scopes,
        audit_s=store.max_age_days * _DAY_S,
        session_s=server.session_hours * 3600,
        teaching=server.teaching,
        certificate=certificate_of(server.tls_cert, server.tls_key),
        socketio=server.socketio,
    )


def _limits(server: SocketIOConfig, train_chunk: int) -> RequestLimits:
    return RequestLimits(
        body_bytes=int(server.max_body_mb * _MIB),
        upload_bytes=int(server.max_upload_mb * _MIB),
        records=server.max_request_records,
        train_records=server.max_train_records,
        unpacked_bytes=int(server.max_unpacked_mb * _MIB),
        train_chunk=train_chunk,
    )
