"""The subcommands of ``ptbert``, one module for each."""
