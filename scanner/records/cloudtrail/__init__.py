"""What CloudTrail's event history shows of workloads. Imports what the room around it may import."""
