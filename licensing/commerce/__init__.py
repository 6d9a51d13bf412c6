"""Agreements and their dated terms."""
