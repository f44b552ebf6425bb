"""The parts that all families share; none of them knows a configuration."""
