//! `portolan db protect`: the one command for the database's administrator.

use portolan_eventstore::protect::protect;

use crate::args::{DbCommand, Protect};
use crate::client;
use crate::failure::Failure;
use crate::output;

/// Runs a command under `db`.
pub fn run(command: &DbCommand, json: bool) -> Result<(), Failure> {
    match command {
        DbCommand::Protect(options) => run_protect(options, json),
    }
}

fn run_protect(options: &Protect, json: bool) -> Result<(), Failure> {
    if !options.store.starts_with("postgres://") && !options.store.starts_with("postgresql://") {
        return Err(Failure::Usage("--store: only PostgreSQL has roles to separate; give postgres://…".into()));
    }
    output::progress("migrating the schema, making the roles, moving the tables to their owner");
    client::block_on(async {
        protect(&options.store, &options.app_role).await.map_err(|error| Failure::Failed(error.into()))
    })?;
    if json {
        output::json(&serde_json::json!({ "protected": true, "app_role": options.app_role }));
    } else {
        output::line(&format!(
            "the log is protected: {} may read it and append to it, and nothing else. Use it in store.url of the control planes.",
            options.app_role
        ));
    }
    Ok(())
}
