//! What every statement of the crate costs, and what the schema says about itself.
//!
//! The statements are taken from the sources, so that a new one is held to the same. SQLite plans them alike
//! however many rows there are, for nothing has been analysed: a plan on an empty database is the plan.

use std::fs;
use std::path::Path;

use hookfill_store::Role;
use rusqlite::{Connection, StatementStatus, params};

use crate::on_disk::OnDisk;

/// What a statement may cost beyond a walk along an index, and why.
const EXCEPTIONS: [(&str, &str); 1] =
    [("ORDER BY count DESC, instrument LIMIT", "sorts the instruments of one user, which are few")];

/// What these files ask is about the schema, before anything is served.
const BEFORE_SERVING: [&str; 2] = ["open.rs", "migrations.rs"];

/// The string literals of a Rust source, comments left out.
fn literals(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    let code: String = source.lines().filter(|line| !line.trim_start().starts_with("//")).fold(
        String::new(),
        |mut code, line| {
            code.push_str(line);
            code.push('\n');
            code
        },
    );
    let mut rest = code.as_str();
    while let Some((_, opened)) = rest.split_once('"') {
        let mut literal = String::new();
        let mut characters = opened.char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '"' => {
                    rest = &opened[at + 1..];
                    break;
                }
                '\\' => literal.push(characters.next().map_or(' ', |(_, escaped)| escaped)),
                other => literal.push(other),
            }
        }
        found.push(literal.split_whitespace().collect::<Vec<_>>().join(" "));
    }
    found
}

/// Every statement with a condition, whole.
fn statements() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sqlite");
    let mut statements = Vec::new();
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if !path.is_file() || BEFORE_SERVING.iter().any(|name| path.ends_with(name)) {
            continue;
        }
        let table = if path.ends_with("journal.rs") { "journal" } else { "orders" };
        for literal in literals(&fs::read_to_string(&path).unwrap()) {
            if literal.starts_with("WHERE ") {
                statements.push(format!("SELECT * FROM {table} {literal}"));
            } else if literal.contains(" WHERE ") {
                statements.push(literal.replace("{COLUMNS}", "*"));
            }
        }
    }
    statements
}

fn plan(connection: &Connection, statement: &str) -> Vec<String> {
    let mut explain = connection.prepare(&format!("EXPLAIN QUERY PLAN {statement}")).unwrap();
    explain.raw_query().mapped(|row| row.get(3)).collect::<Result<_, _>>().unwrap()
}

fn is_dear(steps: &[String]) -> bool {
    steps.iter().any(|step| step.contains("SCAN") || step.contains("TEMP B-TREE"))
}

#[test]
fn no_statement_walks_a_whole_table_or_sorts_one() {
    let disk = OnDisk::fresh();
    let _server = disk.open_as(Role::Server).unwrap();
    let connection = disk.raw();
    let statements = statements();
    assert!(statements.len() >= 20, "{statements:#?}");
    for statement in &statements {
        let steps = plan(&connection, statement);
        let excepted = EXCEPTIONS.iter().any(|(part, _)| statement.contains(part));
        assert_eq!(is_dear(&steps), excepted, "{statement}: {steps:#?}");
    }
    for (part, why) in EXCEPTIONS {
        assert!(statements.iter().any(|statement| statement.contains(part)), "{part} ({why}) is gone");
    }
}

#[test]
fn a_page_of_orders_is_a_walk_along_their_key() {
    let disk = OnDisk::fresh();
    let _server = disk.open_as(Role::Server).unwrap();
    let pages: Vec<_> =
        statements().into_iter().filter(|statement| statement.contains("ORDER BY seq DESC")).collect();
    assert_eq!(pages.len(), 2, "one of orders, one of entries: {pages:?}");
    for page in pages {
        let steps = plan(&disk.raw(), &page);
        assert_eq!(steps.len(), 1, "{steps:?}");
        assert!(steps[0].contains("USING PRIMARY KEY (user_id=? AND "), "{steps:?}");
    }
}

/// Steps of SQLite's machine for a page of a hundred out of so many orders, the newest or from the middle.
fn steps_of_a_page(orders: i64, before: i64) -> i32 {
    let disk = OnDisk::fresh();
    let _server = disk.open_as(Role::Server).unwrap();
    let connection = disk.raw();
    let fill = "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?1)
                INSERT INTO orders SELECT 1, n, CAST(printf('%016d', n) AS BLOB), zeroblob(16), NULL, 'EURUSD', 'new',
                                          x'', x'', x'', n, 0, 0, n, 0, NULL, NULL FROM numbers";
    assert_eq!(connection.execute(fill, [orders]).unwrap(), usize::try_from(orders).unwrap());
    let page = statements().into_iter().find(|page| page.contains("FROM orders") && page.contains("DESC"));
    let mut page = connection.prepare(&page.unwrap()).unwrap();
    let listed: Vec<i64> =
        page.query_map(params![1, before, 100], |row| row.get(1)).unwrap().collect::<Result<_, _>>().unwrap();
    assert_eq!(listed.len(), 100);
    page.get_status(StatementStatus::VmStep)
}

#[test]
fn a_page_costs_the_same_however_long_the_history_is() {
    let short = steps_of_a_page(200, i64::MAX);
    assert_eq!(steps_of_a_page(20_000, i64::MAX), short);
    assert_eq!(steps_of_a_page(20_000, 10_000), short);
}

/// The store checks before it inserts; the schema refuses rows that bypass the store.
#[test]
fn an_account_cannot_be_active_twice_for_one_user() {
    let disk = OnDisk::fresh();
    let _server = disk.open_as(Role::Server).unwrap();
    let connection = disk.raw();
    connection.execute_batch("INSERT INTO users VALUES (1, 'ann', 0), (2, 'bob', 0)").unwrap();
    let insert = |user: i64, number: i64, active: bool| {
        let sql = "INSERT INTO broker_accounts VALUES (?1, ?2, randomblob(16), 'a broker', '1', '', x'', ?3, x'', 0)";
        connection.execute(sql, params![user, number, active]).map_err(|error| error.to_string())
    };
    insert(1, 1, true).unwrap();
    insert(2, 1, true).unwrap();
    insert(1, 2, false).unwrap();
    insert(1, 3, false).unwrap();
    assert!(insert(1, 4, true).unwrap_err().contains("UNIQUE constraint failed"));
    assert!(insert(1, 3, false).unwrap_err().contains("UNIQUE constraint failed"));
}

#[test]
fn every_column_says_what_it_holds() {
    let disk = OnDisk::fresh();
    let _server = disk.open_as(Role::Server).unwrap();
    let connection = disk.raw();
    let select = "SELECT s.name, s.sql, c.name FROM sqlite_schema s JOIN pragma_table_info(s.name) c
                  WHERE s.type = 'table' AND s.name NOT LIKE 'sqlite%' AND s.name NOT LIKE 'refinery%'";
    let mut columns = connection.prepare(select).unwrap();
    let columns = columns.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    let columns: Vec<(String, String, String)> = columns.collect::<Result<_, _>>().unwrap();
    assert!(columns.len() > 50, "{}", columns.len());
    for (table, sql, column) in columns {
        let said = sql.lines().any(|line| {
            let comment = line.split_once("--").map_or("", |(_, comment)| comment.trim());
            line.split_whitespace().next() == Some(&column) && comment.len() > 5
        });
        assert!(said, "{table}.{column} has no comment on its line");
    }
}
