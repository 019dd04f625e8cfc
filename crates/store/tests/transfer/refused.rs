//! Places that cannot be taken from or moved to.

use boxwood_store::transfer::{self, Place};

use super::{Folder, export, history, import, lived, vault};

fn refusal(place: &Place, file: &[u8]) -> String {
    import(place, file).unwrap_err().to_string()
}

#[test]
fn a_folder_with_a_database_is_left_as_it_is() {
    let (world, moved) = history(31);
    let old = lived(&world, moved);
    let before = export(&old.place());
    let refusal = refusal(&old.place(), &before);
    assert!(refusal.contains("holds a database already; import into a new folder"), "{refusal}");
    assert!(export(&old.place()) == before);
    std::fs::remove_file(old.path("boxwood.sqlite3")).unwrap();
    let refusal = import(&old.place(), &before).unwrap_err().to_string();
    assert!(refusal.contains("holds a database already"), "its logs are somebody's: {refusal}");
}

#[test]
fn a_folder_in_use_is_refused() {
    let (old, used) = (Folder::new(), Folder::new());
    drop(old.backend());
    let file = export(&old.place());
    let _server = vault(&used);
    let refusal = refusal(&used.place(), &file);
    assert!(refusal.contains("in use by another server"), "{refusal}");
}

#[test]
fn a_folder_without_a_database_cannot_be_exported_and_stays_as_it_is() {
    let folder = Folder::new();
    let error = transfer::export(&folder.place(), true, &mut Vec::new(), &mut |_| true).unwrap_err().to_string();
    assert!(error.contains("holds no database of Boxwood") && error.contains("--data-dir"), "{error}");
    assert_eq!(folder.names(), [""; 0]);
}

#[test]
fn an_import_that_is_stopped_leaves_nothing() {
    let (world, moved) = history(32);
    let (old, new) = (lived(&world, moved), Folder::new());
    let file = export(&old.place());
    let calls = std::cell::Cell::new(0);
    import(&new.place(), &file).unwrap();
    // Told at least once after everything is checked.
    let new = Folder::new();
    let stopped = transfer::import(&new.place(), &mut &file[..], &mut |moved| {
        calls.set(calls.get() + 1);
        moved.checked < moved.rows
    });
    assert!(stopped.unwrap_err().to_string().contains("stopped"));
    assert!(calls.get() > 0);
    assert_eq!(new.names(), [""; 0]);
}

#[test]
fn an_import_that_was_killed_is_no_obstacle() {
    let (world, moved) = history(33);
    let (old, new) = (lived(&world, moved), Folder::new());
    let file = export(&old.place());
    // As after a death between the two renames.
    std::fs::create_dir(new.path("importing")).unwrap();
    std::fs::write(new.path("importing/boxwood.sqlite3"), b"half of it").unwrap();
    std::fs::write(new.path("telemetry.sqlite3"), b"moved before").unwrap();
    import(&new.place(), &file).unwrap();
    assert!(export(&new.place()) == file);
    assert_eq!(new.names(), ["boxwood.sqlite3", "telemetry.sqlite3"]);
}

#[test]
fn other_files_are_refused_with_what_they_are() {
    let new = Folder::new();
    for (file, part) in [
        (&b""[..], "not a file that `boxwood export` wrote"),
        (b"SQLite format 3\0............................", "not a file that `boxwood export` wrote"),
        (b"boxwood export, format 0\n", "format 0, this program reads format 1"),
        (b"boxwood export, format 99999999999999\n", "not a file that `boxwood export` wrote"),
        (b"boxwood export, format 1\n", "damaged at byte 25: it is not whole"),
    ] {
        let refusal = refusal(&new.place(), file);
        assert!(refusal.contains(part), "{refusal}");
    }
    assert_eq!(new.names(), [""; 0]);
}
