"""Tests of the rank stage."""
