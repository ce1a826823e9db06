"""torch on one thread: the tests run beside others."""

import torch

torch.set_num_threads(1)
