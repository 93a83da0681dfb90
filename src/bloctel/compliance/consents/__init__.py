"""Consents to be called: the register, its records, and proofs of consent."""
