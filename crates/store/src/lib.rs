//! Durable state of Boxwood: the lane, SQLite and in-memory backends, migrations, telemetry.
