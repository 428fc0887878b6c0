//! The schema's history, per database: forward only, each step once, in order.

use std::borrow::Cow;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AssertSqlSafe, SqlSafeStr as _};

/// A step: what it does, and its SQL. Its number is its place in the list.
type Step = (&'static str, &'static str);

const POSTGRES: &[Step] = &[
    ("create log", include_str!("../../../migrations/postgres/0001_create_log.sql")),
    ("create checkpoints", include_str!("../../../migrations/postgres/0002_create_checkpoints.sql")),
    ("create floor", include_str!("../../../migrations/postgres/0003_create_floor.sql")),
    ("create tree", include_str!("../../../migrations/postgres/0004_create_tree.sql")),
    ("lighten append", include_str!("../../../migrations/postgres/0005_lighten_append.sql")),
    ("pipeline append", include_str!("../../../migrations/postgres/0006_pipeline_append.sql")),
    ("shrink append", include_str!("../../../migrations/postgres/0007_shrink_append.sql")),
    ("append one", include_str!("../../../migrations/postgres/0008_append_one.sql")),
];
const MYSQL: &[Step] = &[
    ("create log", include_str!("../../../migrations/mysql/0001_create_log.sql")),
    ("create checkpoints", include_str!("../../../migrations/mysql/0002_create_checkpoints.sql")),
    ("create floor", include_str!("../../../migrations/mysql/0003_create_floor.sql")),
    ("create tree", include_str!("../../../migrations/mysql/0004_create_tree.sql")),
    ("lighten append", include_str!("../../../migrations/mysql/0005_lighten_append.sql")),
    ("pipeline append", include_str!("../../../migrations/mysql/0006_pipeline_append.sql")),
    ("shrink append", include_str!("../../../migrations/mysql/0007_shrink_append.sql")),
    ("append one", include_str!("../../../migrations/mysql/0008_append_one.sql")),
];
const SQLITE: &[Step] = &[
    ("create log", include_str!("../../../migrations/sqlite/0001_create_log.sql")),
    ("create checkpoints", include_str!("../../../migrations/sqlite/0002_create_checkpoints.sql")),
    ("create floor", include_str!("../../../migrations/sqlite/0003_create_floor.sql")),
    ("create tree", include_str!("../../../migrations/sqlite/0004_create_tree.sql")),
    ("lighten append", include_str!("../../../migrations/sqlite/0005_lighten_append.sql")),
    ("pipeline append", include_str!("../../../migrations/sqlite/0006_pipeline_append.sql")),
    ("shrink append", include_str!("../../../migrations/sqlite/0007_shrink_append.sql")),
    ("append one", include_str!("../../../migrations/sqlite/0008_append_one.sql")),
];

/// The steps for PostgreSQL.
pub(super) fn postgres() -> Migrator {
    migrator(POSTGRES)
}

/// The steps for MySQL and MariaDB.
pub(super) fn mysql() -> Migrator {
    migrator(MYSQL)
}

/// The steps for SQLite.
pub(super) fn sqlite() -> Migrator {
    migrator(SQLITE)
}

fn migrator(steps: &'static [Step]) -> Migrator {
    let migration = |(number, (description, sql)): (i64, &Step)| {
        let sql = AssertSqlSafe(*sql).into_sql_str();
        Migration::new(number, Cow::Borrowed(*description), MigrationType::Simple, sql, false)
    };
    Migrator::with_migrations((1..).zip(steps).map(migration).collect())
}
