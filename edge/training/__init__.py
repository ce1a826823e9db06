"""On-device training: which parameters to update, the graph of one step, and its numerics.

    UpdateScheme -> differentiate(graph, scheme) -> a step graph -> reference.Trainer

A step graph computes forward, backward and update nodes in one order; its states are what it
trains. Sources: Lin et al., On-Device Training Under 256KB Memory (NeurIPS 2022).
"""
