//! A database in which something takes a while, on whatever machine the test runs.

use std::time::Instant;

use rusqlite::Connection;

/// Makes what a trigger watches for take at least about so many seconds, each time. `event` is the trigger's head, such as
/// `AFTER INSERT ON orders WHEN NEW.instrument = 'GBPUSD'`.
pub fn slow_down(database: &Connection, seconds: f64, event: &str) {
    let fill = |rows: i64| {
        let fill = "WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT ?1) INSERT INTO spin SELECT n FROM c";
        database.execute("DELETE FROM spin", []).unwrap();
        database.execute(fill, [rows]).unwrap();
    };
    database.execute_batch("CREATE TABLE spin (n)").unwrap();
    fill(50);
    // The shortest of several: what else the machine does only makes it longer.
    let measured = (0..9).map(|_| {
        let began = Instant::now();
        let counted: i64 =
            database.query_row("SELECT count(*) FROM spin a, spin b, spin c", [], |row| row.get(0)).unwrap();
        assert_eq!(counted, 125_000);
        began.elapsed().as_secs_f64()
    });
    let shortest = measured.fold(f64::INFINITY, f64::min);
    #[expect(clippy::cast_possible_truncation, reason = "a few hundred")]
    fill((50.0 * (seconds / shortest).cbrt()).ceil() as i64);
    let trigger =
        format!("CREATE TRIGGER slow {event} BEGIN SELECT count(*) FROM spin a, spin b, spin c; END");
    database.execute_batch(&trigger).unwrap();
}
