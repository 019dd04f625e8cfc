//! Derive macro of the Boxwood SDK.
