//! Free ports for programs that can't bind port 0 and tell what they got.

use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};

/// A loopback port that nobody else gets for about a minute.
///
/// Our own listeners bind port 0 instead. This is for foreign programs: a connection is made on the port and closed from the
/// listening side, which leaves the port in TIME_WAIT. The kernel hands such a port to nobody who asks for "any", but a server
/// that names it (with SO_REUSEADDR, as servers do) can bind it.
///
/// # Errors
/// When the loopback interface has no port left.
pub fn reserve() -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let client = TcpStream::connect(address)?;
    let (server, _) = listener.accept()?;
    drop(server);
    drop(client);
    Ok(address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reserved_port_can_be_bound_by_name() {
        let port = reserve().unwrap();
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
    }
}
