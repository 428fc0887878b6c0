//! The `portolan` binary: both roles, `up` that starts them together, and the commands for people and pipelines.
//!
//! Owns: the command line, exit codes, and the process tree of `up`.
//!
//! Invariant: the only crate that knows both halves, and it only starts them.
//! Invariant: standard output carries answers, standard error everything else; with `--json` an answer is JSON.
//! Invariant: exit codes are 0 done, 1 failed, 2 the answer is "differs", 64 bad usage or configuration.
//! Invariant: client commands speak the same HTTP API as everyone else; only those for the database's administrator and the
//! auditor (`db`, `audit … --store`) open the store.
//!
//! Calls `portolan_cp::run`, `portolan_dp::run` and the control plane's `/api`.
//!
//! Start reading at [`args::Command`], then [`up::run`]. The end-to-end tests in `tests/` are its tests.

use std::process::ExitCode;

use clap::Parser as _;

mod apply;
mod args;
mod audit;
mod client;
mod confirm;
mod db;
mod failure;
mod history;
mod output;
mod parent;
mod private;
mod role;
mod rollback;
mod table;
mod up;

use args::{Cli, Command};
use failure::Failure;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    portolan_rt::tls::install_crypto_provider();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let code = if error.use_stderr() { failure::USAGE } else { 0 };
            // When even that can't be written, the exit code says it.
            let _unwritable = error.print();
            return ExitCode::from(code);
        }
    };
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // That two things differ is an answer, and was given.
            if !matches!(failure, Failure::Differs) {
                output::complain(&failure.to_string());
            }
            ExitCode::from(failure.code())
        }
    }
}

fn run(cli: Cli) -> Result<(), Failure> {
    let json = cli.json;
    match cli.command {
        Command::Up(options) => up::run(options, json),
        Command::Cp(options) => role::control_plane(options, json),
        Command::Dp(options) => role::data_plane(options, json),
        Command::Audit(options) => audit::run(&options, json),
        Command::History(options) => history::run(&options, json),
        Command::Changes(options) => history::changes::run(&options, json),
        Command::Show(options) => history::show::run(&options, json),
        Command::Rollback(options) => rollback::run(&options, json),
        Command::Apply(options) => apply::apply(&options, json),
        Command::Diff(options) => apply::diff(&options, json),
        Command::Validate(options) => apply::validate(&options, json),
        Command::Dump(options) => apply::dump(&options, json),
        Command::Db(options) => db::run(&options.command, json),
    }
}
