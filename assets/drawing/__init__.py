"""Drawing of the sample sets: ours, free, and the same on every machine with the same seed."""
