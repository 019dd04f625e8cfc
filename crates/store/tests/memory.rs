//! Does the memory store do what every store must?

boxwood_testkit::store_conformance!(boxwood_store::memory::Database::new);
