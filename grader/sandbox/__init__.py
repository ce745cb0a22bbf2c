"""Runs answers in OCI bundles with a user namespace of their own, and nothing else does."""
