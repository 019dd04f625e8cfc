//! Test support for Boxwood: seeded world, store conformance.
