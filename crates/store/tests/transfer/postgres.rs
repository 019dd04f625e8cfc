//! To and from a database that several servers share. Needs one, see [`boxwood_testkit::postgres::SERVER`]; without it each
//! test says that it was left out.

use boxwood_store::postgres::{Address, Database};
use boxwood_store::transfer::Place;
use boxwood_testkit::Event;
use boxwood_testkit::postgres::database;
use tokio_postgres::NoTls;

use super::{Folder, export, history, import, live, lived};

fn address(url: &str) -> Address {
    Address::parse(url).unwrap()
}

fn place(url: &str) -> Place {
    Place::Postgres(address(url).into())
}

#[test]
fn a_folder_moved_there_goes_on_as_if_nothing_had_happened() {
    for seed in 1..4 {
        let Some(url) = database() else { return };
        let (world, moved) = history(seed);
        let old = lived(&world, moved);
        import(&place(&url), &export(&old.place())).unwrap();
        live(&world, &world.history()[moved..], || Database::open(address(&url)).unwrap().backend());
    }
}

/// Whether nothing is lost when the server starts again. PostgreSQL may leave out keys then, and the reply of a submission
/// names them.
fn loses_nothing(events: &[Event]) -> bool {
    !events.windows(2).any(|two| matches!(two, [before, Event::Restart] if !matches!(before, Event::Commit)))
}

#[test]
fn a_database_moved_to_a_folder_goes_on_as_if_nothing_had_happened() {
    let histories = (100..).map(history).filter(|(world, moved)| loses_nothing(&world.history()[..*moved]));
    for (world, moved) in histories.take(3) {
        let Some(url) = database() else { return };
        live(&world, &world.history()[..moved], || Database::open(address(&url)).unwrap().backend());
        let new = Folder::new();
        import(&new.place(), &export(&place(&url))).unwrap();
        live(&world, &world.history()[moved..], || new.backend());
    }
}

#[test]
fn there_and_back_the_file_is_the_same() {
    for seed in 51..53 {
        let Some(url) = database() else { return };
        let (world, moved) = history(seed);
        let (old, new) = (lived(&world, moved), Folder::new());
        let file = export(&old.place());
        import(&place(&url), &file).unwrap();
        let there = export(&place(&url));
        assert!(there == file, "seed {seed}: the file from PostgreSQL differs");
        import(&new.place(), &there).unwrap();
        assert!(export(&new.place()) == file, "seed {seed}: the file from the second folder differs");
    }
}

#[test]
fn a_database_with_rows_is_left_as_it_is() {
    let Some(url) = database() else { return };
    let (world, moved) = history(55);
    let old = lived(&world, moved);
    let file = export(&old.place());
    import(&place(&url), &file).unwrap();
    let refusal = import(&place(&url), &file).unwrap_err().to_string();
    assert!(refusal.contains("is not empty: cluster has rows; import into a new database"), "{refusal}");
    assert!(export(&place(&url)) == file);
}

#[test]
fn a_file_that_ends_early_leaves_the_database_empty() {
    let Some(url) = database() else { return };
    let (world, moved) = history(56);
    let old = lived(&world, moved);
    let file = export(&old.place());
    for end in [file.len() / 3, file.len() * 2 / 3, file.len() - 1] {
        let refusal = import(&place(&url), &file[..end]).unwrap_err().to_string();
        assert!(refusal.contains("damaged"), "{refusal}");
    }
    import(&place(&url), &file).unwrap();
}

#[test]
fn a_database_of_others_cannot_be_exported() {
    let Some(url) = database() else { return };
    let error = boxwood_store::transfer::export(&place(&url), true, &mut Vec::new(), &mut |_| true);
    let error = error.unwrap_err().to_string();
    assert!(error.contains("not one of Boxwood's"), "{error}");
}

/// Telemetry goes on with fresh keys, and knows its size.
#[test]
fn logs_written_after_the_move_come_after_those_before() {
    let Some(url) = database() else { return };
    let (world, moved) = history(57);
    let old = lived(&world, moved);
    import(&place(&url), &export(&old.place())).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
        tokio::spawn(connection);
        let one = "SELECT bytes - (SELECT sum(octet_length(encoded) + 300)::bigint FROM telemetry_record),
                (SELECT nextval(pg_get_serial_sequence('telemetry_record', 'key')) - max(key) FROM telemetry_record),
                (SELECT nextval(pg_get_serial_sequence('telemetry_origin', 'key')) - max(key) FROM telemetry_origin)
            FROM telemetry_use";
        let row = client.query_one(one, &[]).await.unwrap();
        assert_eq!([0, 1, 2].map(|column| row.get::<_, i64>(column)), [0, 1, 1]);
    });
}

/// What a later migration adds has to travel too. That SQLite's columns do is tested where they are named.
#[test]
fn postgres_has_the_columns_that_sqlite_has() {
    let Some(url) = database() else { return };
    Database::open(address(&url)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let found: Vec<(String, String)> = runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
        tokio::spawn(connection);
        let sql = "SELECT table_name::text, column_name::text FROM information_schema.columns
             WHERE table_schema = 'public' ORDER BY table_name, column_name";
        client.query(sql, &[]).await.unwrap().iter().map(|row| (row.get(0), row.get(1))).collect()
    });
    let made_anew = ["boxwood_schema", "catalog", "next_keys", "telemetry_use"];
    let mut found: Vec<_> = found.into_iter().filter(|(table, _)| !made_anew.contains(&table.as_str())).collect();
    for (table, column) in &mut found {
        if let Some(name) = table.strip_prefix("telemetry_") {
            *table = name.to_owned();
        }
        if column == "until" {
            "end".clone_into(column);
        }
    }
    found.sort();
    let folder = Folder::new();
    drop(folder.backend());
    let open = boxwood_store::telemetry::Database::open(folder.0.path(), Default::default()).unwrap();
    runtime.block_on(open.close());
    let mut expected = Vec::new();
    for name in ["boxwood.sqlite3", "telemetry.sqlite3"] {
        let connection = rusqlite::Connection::open(folder.path(name)).unwrap();
        let sql = "SELECT t.name, c.name FROM sqlite_schema t, pragma_table_info(t.name) c WHERE t.type = 'table'";
        let mut statement = connection.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))).unwrap();
        expected.extend(rows.map(Result::unwrap));
    }
    expected.sort();
    assert_eq!(found, expected);
}
