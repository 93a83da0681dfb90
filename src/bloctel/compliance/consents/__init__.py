"""Consents to be called: their register, records and proofs."""
