"""The host path for large models, on a GPU or a CPU. Nothing of the device path imports it."""
