"""Front ends for audio: defined in numpy, generated as C that computes the same bits."""

from edge.audio.compiled import CompiledLogMel
from edge.audio.log_mel import SCALE, LogMel
from edge.audio.tables import c_files, write_c

__all__ = ["SCALE", "CompiledLogMel", "LogMel", "c_files", "write_c"]
