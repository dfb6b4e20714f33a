"""The errors that the service can raise; each message is one line that says what was found and what to do."""

from __future__ import annotations


class ServiceError(Exception):
    """Base of every error that `api` raises on purpose."""


class SettingsError(ServiceError):
    """A setting is unknown or has a wrong value; the message names its source, its key and what was expected."""


class ListenError(ServiceError):
    """The address to listen on cannot be used."""


class StateError(ServiceError):
    """The state directory cannot be used: not writable, in use, or written by another version."""


class TokenError(ServiceError):
    """A token cannot be made as it was asked for."""


class TokenTakenError(TokenError):
    """A token of this name counts already."""


class NoTokenError(ServiceError):
    """No token has this identifier or name."""


class RuleError(ServiceError):
    """A rule that mutes alerts cannot be made as it was asked for."""


class RuleFileError(ServiceError):
    """A file of rules cannot be read, or is wrong; the message names file and line."""


class RuleInFileError(ServiceError):
    """A rule stands in a file, and only there it can be changed."""


class TooManyRulesError(ServiceError):
    """There is no room for another rule."""


class NoRuleError(ServiceError):
    """No rule has this identifier."""


class WindowError(ServiceError):
    """A maintenance window cannot be as it was asked for."""


class WindowTimeError(ServiceError):
    """The span of a maintenance window has passed, or is none, or too long."""


class TooManyWindowsError(ServiceError):
    """There is no room for another maintenance window."""


class NoWindowError(ServiceError):
    """No maintenance window has this identifier."""


class NoDeviceError(ServiceError):
    """No device has this identifier."""


class RegroupError(ServiceError):
    """Devices cannot be merged, split or put back as it was asked for; `code` says why, for programs."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class CursorError(ServiceError):
    """A paging cursor was not made by this service."""


class NoJobError(ServiceError):
    """There is no such training job (any more)."""


class NoAlertError(ServiceError):
    """No alert has this identifier."""


class AnsweredError(ServiceError):
    """The other verdict was given on this alert."""


class ClosedError(ServiceError):
    """Nothing more can be said of an alert, or done about a job: it is over."""


class BusyError(ServiceError):
    """The bounded queue to the pipeline is full; the caller should come back after `retry_after_s`."""

    retry_after_s = 1


class NotReadyError(BusyError):
    """The models are not there: the service is starting, stopping or has failed."""
