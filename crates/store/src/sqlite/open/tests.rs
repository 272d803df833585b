use super::*;

fn number(connection: &Connection, pragma: &str) -> i64 {
    connection.pragma_query_value(None, pragma, |row| row.get(0)).unwrap()
}

#[test]
fn every_commit_of_the_writer_is_synced() {
    let dir = tempfile::tempdir().unwrap();
    for role in [Role::Server, Role::Tool] {
        let writer = writer(&dir.path().join("store.db"), role).unwrap();
        assert_eq!(number(&writer, "synchronous"), 2, "2 is FULL");
        let mode: String = writer.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
        assert_eq!(mode, "wal");
        assert_eq!(number(&writer, "foreign_keys"), 1);
        assert_eq!(number(&writer, "busy_timeout"), 1000);
    }
}

#[test]
fn a_reader_cannot_write() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    let _writer = writer(&path, Role::Server).unwrap();
    let reader = reader(&path).unwrap();
    assert!(reader.execute("UPDATE revision SET probe = 1", []).is_err());
    assert_eq!(number(&reader, "busy_timeout"), 1000);
}

#[test]
fn the_library_is_one_that_may_be_trusted() {
    assert!(rusqlite::version_number() >= OLDEST_LIBRARY, "{}", rusqlite::version());
}
