//! Process life: everything a Portolan process needs before it does anything of its own.
//!
//! Owns: settings ([`config`]), time ([`clock`]), tasks and their end ([`task`], [`shutdown`]), logs
//! ([`logs`]), TLS identities and peers ([`tls`]), HTTP listeners ([`serve`]) and the status port
//! ([`status`]).
//!
//! Invariant: knows nothing of gateways, events or keys, and no other crate of ours.
//! Invariant: the only place that reads the system clock, handles signals and spawns tasks.
//! Invariant: a task that panics is an error of that task, never a silent loss.
//! Invariant: a setting is wrong before any port opens, and the message says where and what is allowed.
//!
//! Called by every crate that does I/O. Calls tokio, hyper, rustls and the YAML reader.
//!
//! Start reading at [`task::Supervisor`]: `run` is the life of a process, top to bottom. Then
//! [`serve::Server::run`], the life of a listener.
//!
//! Test with `cargo test -p portolan-rt`; `tests/it` holds what needs real sockets or signals.

pub mod clock;
pub mod config;
pub mod logs;
pub mod serve;
pub mod shutdown;
pub mod status;
pub mod task;
pub mod tls;
