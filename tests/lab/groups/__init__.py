"""All recipes, a file for groups that belong together. They are frozen: more may be added, none is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lab.groups.answering import ANSWERING
from lab.groups.classic import CLASSIC
from lab.groups.further import FURTHER
from lab.groups.life import LIFE
from lab.groups.ordinary import ORDINARY
from lab.groups.outside import OUTSIDE
from lab.groups.protocols import PROTOCOLS
from lab.groups.small import SMALL
from lab.groups.tls_and_mqtt import TLS_AND_MQTT
from lab.groups.unforeseen import UNFORESEEN

if TYPE_CHECKING:
    from lab.recipe import Recipe

RECIPES: Final[tuple[Recipe, ...]] = (
    *CLASSIC,
    *ORDINARY,
    *PROTOCOLS,
    *OUTSIDE,
    *ANSWERING,
    *SMALL,
    *FURTHER,
    *LIFE,
    *TLS_AND_MQTT,
    *UNFORESEEN,
)
