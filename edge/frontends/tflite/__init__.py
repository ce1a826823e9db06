"""The .tflite front end: int8 and float32 files of TensorFlow Lite become graphs.

Files are read by a small bounds-checked reader of our own, so damaged or hostile ones end in an
EdgeError, and no package is needed.
"""

from edge.frontends.tflite.load import load_tflite

__all__ = ["load_tflite"]
