"""The parts that all families share; none of them depends on a configuration."""
