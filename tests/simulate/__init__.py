"""Workloads with hidden needs: what a scan says of them is held against what they really need."""
