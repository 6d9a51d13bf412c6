"""The embedded PostgreSQL and Valkey, and the supervisor that runs Assent on one machine.

`python -m config.embedded --help` lists the commands. Everything here works before Django does.
"""
