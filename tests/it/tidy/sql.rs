//! SQL stands in two places: `eventstore` (the write side) and `cp/src/read/` (the views).

use std::path::Path;

use super::{crates, files, none, read, root};

/// How statements begin. Statements are written in capitals.
const WORDS: &[&str] =
    &["SELECT ", "INSERT INTO ", "UPDATE ", "DELETE FROM ", "CREATE TABLE ", "ALTER TABLE ", "DROP TABLE "];

/// The kit makes and drops databases for tests; attackers go past the product; this file names the words.
const EXEMPT: &[&str] =
    &["testkit/src/postgres.rs", "tests/e2e/audit.rs", "tests/e2e/protected.rs", "tests/it/tidy/sql.rs"];

#[test]
fn sql_stands_where_it_belongs() {
    let mut wrong = Vec::new();
    for folder in crates().iter().filter(|folder| *folder != "eventstore") {
        for path in files(folder, ".rs").iter().filter(|path| !may_hold_sql(path)) {
            for (number, line) in read(&root().join(path)).lines().enumerate() {
                if begins_a_statement(line) {
                    wrong.push(format!("{}:{}: {}", path.display(), number + 1, line.trim()));
                }
            }
        }
    }
    none(&wrong, "SQL outside eventstore/ and cp/src/read/");
}

fn may_hold_sql(path: &Path) -> bool {
    path.starts_with("cp/src/read") || EXEMPT.iter().any(|exempt| path == Path::new(exempt))
}

/// A string literal that begins with a statement, or a line that does (in a literal of several lines).
fn begins_a_statement(line: &str) -> bool {
    let line = line.trim_start();
    let text = line.split_once('"').map_or(line, |(_, text)| text);
    WORDS.iter().any(|word| text.starts_with(word) || line.starts_with(word))
}
