"""What AWS itself recorded of a workload, beside its traces: last-accessed data, event history, metrics."""
