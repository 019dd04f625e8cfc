//! Does PostgreSQL do what every store must, and answer as memory does?

use boxwood_testkit::postgres::Shared;

fn fresh() -> Shared {
    Shared::new().expect("looked for before")
}

boxwood_testkit::store_conformance!(fresh, if boxwood_testkit::postgres::server().is_some());
