"""The pipeline thread: source to models to store and streams, with requests and training in between."""

from api.pipeline.commands import CommandQueue
from api.pipeline.runner import Pipeline
from api.pipeline.scoring import Scorer

__all__ = ["CommandQueue", "Pipeline", "Scorer"]
