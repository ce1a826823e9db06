"""Schedules: when a module loses which weights during training, a file each."""
