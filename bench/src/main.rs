//! Benchmarks: portolan beside real peers, on one machine, in one run.
//!
//! Owns: what is measured, how, and how it is printed. `README.md` says how to read it.
//!
//! Invariant: links no crate of ours but the etcd messages; measures the release binary as users run it.
//! Invariant: rounds are interleaved, so that what else the machine does meets all of them alike.
//! Invariant: a round with a failed request is an error, not a number.
//!
//! Start reading at `proxy.rs` (`make bench-proxy`), `etcd.rs` (`make bench-etcd`), `admin.rs` (`make bench-admin`), `open.rs`
//! (`make bench-open`).

use clap::{Parser, Subcommand};

mod admin;
mod cpu;
mod etcd;
mod floor;
mod local;
mod memory;
mod open;
mod process;
mod proxy;
mod up;
mod upstream;

#[derive(Debug, Parser)]
#[command(name = "portolan-bench")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Proxied requests per second, and the processor time of one, beside nginx, HAProxy, Envoy and the floor.
    Proxy(proxy::Options),
    /// Writes through the Admin API over HTTPS.
    Admin(admin::Options),
    /// The HTTP library as a proxy without a gateway; for `proxy`.
    #[command(hide = true)]
    Floor(floor::Options),
    /// A gRPC server that echoes; for `proxy`.
    #[command(hide = true)]
    Upstream,
    /// The etcd service beside a real etcd: puts, reads, transactions, watchers.
    Etcd(etcd::Options),
    /// How long a control plane takes to serve a log of a given size, and how long its verification takes.
    Open(open::Options),
}

fn main() -> anyhow::Result<()> {
    // A second provider can't have been installed before the first statement of main.
    let _first = rustls::crypto::aws_lc_rs::default_provider().install_default();
    match Cli::parse().command {
        Command::Proxy(options) => proxy::run(&options),
        Command::Admin(options) => admin::run(&options),
        Command::Floor(options) => floor::run(&options),
        Command::Upstream => upstream::run(),
        Command::Etcd(options) => etcd::run(&options),
        Command::Open(options) => open::run(&options),
    }
}
