//! Between folders.

use boxwood_engine::{Command, NewCluster, Timestamp};
use boxwood_store::transfer;

use super::{Folder, export, history, import, live, lived, vault};

#[test]
fn a_moved_database_goes_on_as_if_nothing_had_happened() {
    for seed in 1..5 {
        let (world, moved) = history(seed);
        let (old, new) = (lived(&world, moved), Folder::new());
        import(&new.place(), &export(&old.place())).unwrap();
        live(&world, &world.history()[moved..], || new.backend());
    }
}

#[test]
fn databases_that_hold_the_same_make_the_same_file() {
    for seed in 11..13 {
        let (world, moved) = history(seed);
        let (old, new) = (lived(&world, moved), Folder::new());
        let file = export(&old.place());
        import(&new.place(), &file).unwrap();
        assert!(export(&new.place()) == file, "seed {seed}: the files differ");
    }
}

#[test]
fn an_empty_database_moves_too() {
    let (old, new) = (Folder::new(), Folder::new());
    drop(old.backend());
    let file = export(&old.place());
    let moved = import(&new.place(), &file).unwrap();
    assert_eq!((moved.rows, moved.jobs, moved.tasks, moved.records), (0, 0, 0, 0));
    assert_eq!(new.names(), ["boxwood.sqlite3", "telemetry.sqlite3"]);
}

#[test]
fn what_is_not_committed_stays_behind() {
    let (old, new) = (Folder::new(), Folder::new());
    let mut writer = vault(&old);
    let create = |slug: &str| {
        let (display_name, description, now) = (slug.to_owned(), String::new(), Timestamp(5));
        Command::CreateCluster(NewCluster { slug: slug.to_owned(), display_name, description, deletable: true, now })
    };
    writer.decide(&create("before")).unwrap().unwrap();
    writer.commit().unwrap();
    writer.decide(&create("after")).unwrap().unwrap();
    writer.save().unwrap();
    let file = export(&old.place());
    writer.commit().unwrap();
    import(&new.place(), &file).unwrap();
    let database = boxwood_store::sqlite::Database::open(new.0.path()).unwrap();
    let slugs: Vec<_> = database.reader().clusters().unwrap().into_iter().map(|cluster| cluster.slug).collect();
    assert_eq!(slugs, ["before".into()]);
}

#[test]
fn logs_and_spans_can_be_left_behind() {
    let (world, moved) = history(21);
    let (old, new) = (lived(&world, moved), Folder::new());
    let mut file = Vec::new();
    let exported = transfer::export(&old.place(), false, &mut file, &mut |_| true).unwrap();
    let imported = import(&new.place(), &file).unwrap();
    assert_eq!((exported.records, imported.records), (0, 0));
    assert_eq!((exported.jobs, exported.tasks), (imported.jobs, imported.tasks));
    assert!(export(&old.place()).len() > file.len(), "there were some");
    live(&world, &world.history()[moved..], || new.backend());
}

#[test]
fn everything_is_counted_read_back_and_asked_again() {
    let (world, moved) = history(22);
    let (old, new) = (lived(&world, moved), Folder::new());
    let mut file = Vec::new();
    let exported = transfer::export(&old.place(), true, &mut file, &mut |_| true).unwrap();
    let imported = import(&new.place(), &file).unwrap();
    assert_eq!(exported.bytes, file.len() as u64);
    assert_eq!(imported.checked, exported.rows);
    assert_eq!(transfer::Moved { checked: 0, ..imported }, exported);
    let looked_at = transfer::check(&mut &file[..], &mut |_| true).unwrap();
    assert_eq!(looked_at, exported);
    assert!(exported.records == 7 && exported.jobs > 1 && exported.tasks > exported.jobs, "{exported:?}");
    assert!(exported.questions > 20, "{exported:?}");
}
