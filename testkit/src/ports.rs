//! Ports for programs that must be told one: foreign ones that can't bind port 0, and ours when they come back on the same.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::sync::atomic::{AtomicU16, Ordering};

/// Below the range that the kernel hands out by itself (32768 and up), so that no client's connection takes one.
const FIRST: u16 = 10_240;
const LAST: u16 = 32_000;

/// A loopback port that no other test on this machine gets while this value lives. It is not bound: that is for the program that is
/// told it, as often as it starts.
#[derive(Debug)]
pub struct Reserved {
    port: u16,
    /// Its name says the port and can be bound once; the kernel forgets it with the process.
    _name: UnixListener,
}

// === impl Reserved ===

impl Reserved {
    /// Takes one.
    ///
    /// # Errors
    /// When none is left.
    pub fn take() -> io::Result<Self> {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        let count = LAST - FIRST;
        // Test processes start at different places, so that they seldom ask for the same.
        let start = std::process::id().wrapping_mul(97) % u32::from(count);
        for _ in 0..count {
            let step = u32::from(NEXT.fetch_add(1, Ordering::Relaxed) % count);
            let offset = u16::try_from((start + step) % u32::from(count)).map_err(io::Error::other)?;
            let port = FIRST + offset;
            let name = SocketAddr::from_abstract_name(format!("portolan-test-port-{port}"))?;
            let Ok(name) = UnixListener::bind_addr(&name) else { continue };
            // Somebody who is no test of ours may listen on it.
            if TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok() {
                return Ok(Self { port, _name: name });
            }
        }
        Err(io::Error::from(io::ErrorKind::AddrNotAvailable))
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn reserved_ports_differ_and_can_be_bound() {
        let ports: Vec<Reserved> = (0..50).map(|_| Reserved::take().unwrap()).collect();
        assert_eq!(ports.iter().map(Reserved::port).collect::<HashSet<_>>().len(), ports.len());
        for reserved in &ports {
            TcpListener::bind(reserved.address()).unwrap();
        }
    }
}
