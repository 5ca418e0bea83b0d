//! Verifying a ledger, or a copy of one, from what lies in its folder and what is known from outside.
