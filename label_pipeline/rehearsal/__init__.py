"""The rehearsal: a generated sample company and a local provider that speaks the OpenAI protocol.

Holds everything needed to walk the whole loop without a key and without data of one's own. Keep out: anything the
pipeline itself needs to work (nothing in stages, adapters or defs may import this package).
"""

from label_pipeline.rehearsal.batch_faults import BatchFault, BatchScript
from label_pipeline.rehearsal.batch_jobs import Pace
from label_pipeline.rehearsal.faults import (
    ChangedFingerprint,
    DroppedConnection,
    RateLimited,
    ScriptedFaults,
    ServedAs,
    ServerError,
    SlowReply,
)
from label_pipeline.rehearsal.provider import make_app
from label_pipeline.rehearsal.recorded import recorded_models
from label_pipeline.rehearsal.serving import running_provider, serve
from label_pipeline.rehearsal.simulated import SAMPLE_MODELS, SimulatedSpec, simulated_models
from label_pipeline.rehearsal.world import SampleWorld
from label_pipeline.rehearsal.world_files import write_files

__all__ = [
    "SAMPLE_MODELS",
    "BatchFault",
    "BatchScript",
    "ChangedFingerprint",
    "DroppedConnection",
    "Pace",
    "RateLimited",
    "SampleWorld",
    "ScriptedFaults",
    "ServedAs",
    "ServerError",
    "SimulatedSpec",
    "SlowReply",
    "make_app",
    "recorded_models",
    "running_provider",
    "serve",
    "simulated_models",
    "write_files",
]
