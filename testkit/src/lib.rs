//! What tests need around them: throw-away databases, a fake upstream, certificates, a real etcd, and a way to wait.
//!
//! Owns: everything that a test starts and that must be gone when the test process is gone, however that ends.
//!
//! Invariant: only ever a dev-dependency.
//! Invariant: knows no crate of ours, so that every crate's tests may use it.
//! Invariant: loopback and unix sockets only; no fixed port; no sleep in place of a condition.
//!
//! Start reading at [`postgres`] (and [`mariadb`], its brother); test with `cargo test -p portolan-testkit`.

pub mod apisix;
pub mod certificates;
pub mod cpu;
pub mod dns;
pub mod etcd;
pub mod mariadb;
pub mod ports;
pub mod postgres;
pub mod process;
pub mod python;
pub mod raw;
pub mod redis;
pub mod registry;
pub mod switch;
mod throwaway;
pub mod upstream;
mod wait;

pub use certificates::Certificates;
pub use upstream::Upstream;
pub use wait::{eventually, within};

/// Makes the one crypto provider of this project the default of the process. Call it first in a test that speaks TLS.
pub fn install_crypto() {
    // A second call in the same process finds it installed, which is what we want.
    let _already = rustls::crypto::aws_lc_rs::default_provider().install_default();
}
