"""Token files: the ids of many documents on disk, in the formats that training programs read."""
