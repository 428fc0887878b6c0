//! What can go wrong with the log, as its callers tell it apart.

/// An error of the event store.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database can't be reached, is full, or refused the write. Nothing was written; trying again is sound.
    #[error("the event log is unavailable")]
    Unavailable(#[source] sqlx::Error),
    /// The answer to COMMIT was lost and the outcome could not be looked up yet. Ask again with the same request id.
    #[error("the outcome of the write is not known yet")]
    Unknown(#[source] sqlx::Error),
    /// The transaction can't be carried out; the texts are etcd's. Nothing was written and no revision was taken.
    #[error(transparent)]
    Txn(#[from] crate::txn::Error),
    /// The payloads that the answer would be told from were pruned.
    #[error("revision {revision} can't be told any more: payloads before revision {floor} were pruned")]
    Pruned {
        /// The revision asked for.
        revision: i64,
        /// The first one that can be told.
        floor: i64,
    },
    /// The proposal's audit entry would exceed 65,535 bytes.
    #[error("the audit entry would have {size} bytes, more than the 65535 allowed")]
    EntryTooLarge {
        /// Size of the entry, in bytes.
        size: usize,
    },
    /// The database can't hold a key or value of this size.
    #[error("a {what} of {size} bytes is too large for this database, which holds {limit}")]
    TooLarge {
        /// `key` or `value`.
        what: &'static str,
        /// Its size, in bytes.
        size: usize,
        /// The largest size, in bytes.
        limit: usize,
    },
    /// The log contradicts itself: a hole, or a head that went back. The store no longer serves.
    #[error("the event log is corrupt: {0}")]
    Corrupt(String),
    /// The idempotency key was used before, with another body.
    #[error("the idempotency key was used before with another request, answered by revision {revision}")]
    IdempotencyConflict {
        /// The event that answered the first request.
        revision: i64,
    },
    /// Somebody else has done at the same time what is done only once.
    #[error("this was done already, by revision {revision}")]
    Already {
        /// The event that did it.
        revision: i64,
    },
    /// The store URL names no known database.
    #[error(
        "unknown store {0:?}: use sqlite:PATH, postgres://USER:PASSWORD@HOST/DATABASE or mysql://USER:PASSWORD@HOST/DATABASE"
    )]
    UnknownStore(String),
    /// The database was migrated by a newer version of Portolan, or a migration failed.
    #[error("{}", schema(.0))]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// The store is shutting down and takes no more proposals.
    #[error("the event log is shutting down")]
    Closed,
}

/// PostgreSQL's code for it: what a login of a protected log hears.
const INSUFFICIENT_PRIVILEGE: &str = "42501";

/// A step that this binary does not know was made by one that is newer. It may read and write differently since.
fn schema(error: &sqlx::migrate::MigrateError) -> &'static str {
    match error {
        sqlx::migrate::MigrateError::VersionMissing(_) => {
            "the database was migrated by a newer version of Portolan: start that one, or restore a backup from before"
        }
        sqlx::migrate::MigrateError::Execute(sqlx::Error::Database(error))
        | sqlx::migrate::MigrateError::ExecuteMigration(sqlx::Error::Database(error), _)
            if error.code().as_deref() == Some(INSUFFICIENT_PRIVILEGE) =>
        {
            "this login may not bring the database schema up to date: after an upgrade run `portolan db protect` with the new version"
        }
        _ => "the database schema can't be brought up to date",
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Unavailable(error)
    }
}

// === impl Error ===

impl Error {
    /// The same error for each caller of a batch that failed as a whole.
    pub(crate) fn for_one_of_many(&self) -> Self {
        let source = |error: &sqlx::Error| sqlx::Error::AnyDriverError(error.to_string().into());
        match self {
            Self::Unavailable(error) => Self::Unavailable(source(error)),
            Self::Unknown(error) => Self::Unknown(source(error)),
            Self::Corrupt(text) => Self::Corrupt(text.clone()),
            Self::Txn(error) => Self::Txn(*error),
            Self::IdempotencyConflict { revision } => Self::IdempotencyConflict { revision: *revision },
            Self::Already { revision } => Self::Already { revision: *revision },
            Self::TooLarge { what, size, limit } => Self::TooLarge { what, size: *size, limit: *limit },
            Self::EntryTooLarge { size } => Self::EntryTooLarge { size: *size },
            Self::UnknownStore(store) => Self::UnknownStore(store.clone()),
            Self::Migrate(error) => Self::Unavailable(sqlx::Error::AnyDriverError(error.to_string().into())),
            Self::Pruned { revision, floor } => Self::Pruned { revision: *revision, floor: *floor },
            Self::Closed => Self::Closed,
        }
    }
}
