//! Opening a port.

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};

use socket2::{Domain, Protocol, Socket, Type};

/// Connections that wait to be accepted. The system cuts it to its own limit (`net.core.somaxconn`).
const BACKLOG: i32 = 4096;

/// A port that cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("{setting}: cannot listen on {address}: {reason}")]
pub struct BindError {
    /// The setting that named the address, such as `listen.admin_api`.
    pub setting: String,
    /// The address.
    pub address: SocketAddr,
    /// Why; part of the message, since it is what the reader needs.
    pub reason: io::Error,
}

/// Opens a port for one accept loop. Port 0 takes a free one: ask `local_addr`.
pub fn listen(setting: &str, address: SocketAddr) -> Result<TcpListener, BindError> {
    open(address, |_| Ok(())).map_err(|reason| BindError { setting: setting.to_owned(), address, reason })
}

/// Opens a port that several accept loops share, each with a socket of its own from one call of this
/// function; the system spreads the connections (SO_REUSEPORT). For port 0, open the first, then the
/// others at its `local_addr`.
pub fn listen_shared(setting: &str, address: SocketAddr) -> Result<TcpListener, BindError> {
    open(address, |socket| socket.set_reuse_port(true)).map_err(|reason| BindError {
        setting: setting.to_owned(),
        address,
        reason,
    })
}

/// Opens a UDP port for one reader. Port 0 takes a free one.
pub fn listen_udp(setting: &str, address: SocketAddr) -> Result<UdpSocket, BindError> {
    open_udp(address, |_| Ok(())).map_err(|reason| BindError { setting: setting.to_owned(), address, reason })
}

/// Opens a UDP port that several readers share, as [`listen_shared`] does for TCP. All datagrams of a client go to the
/// same reader.
pub fn listen_udp_shared(setting: &str, address: SocketAddr) -> Result<UdpSocket, BindError> {
    open_udp(address, |socket| socket.set_reuse_port(true)).map_err(|reason| BindError {
        setting: setting.to_owned(),
        address,
        reason,
    })
}

fn open_udp(address: SocketAddr, prepare: impl FnOnce(&Socket) -> io::Result<()>) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    prepare(&socket)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

fn open(address: SocketAddr, prepare: impl FnOnce(&Socket) -> io::Result<()>) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A restart must not wait for connections of the process before, which linger in TIME_WAIT.
    socket.set_reuse_address(true)?;
    prepare(&socket)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

    #[test]
    fn a_taken_port_is_an_error_that_names_setting_and_address() {
        let first = listen("listen.status", ANY).unwrap();
        let address = first.local_addr().unwrap();
        let text = listen("listen.admin_api", address).unwrap_err().to_string();
        assert!(text.starts_with(&format!("listen.admin_api: cannot listen on {address}: ")), "{text}");
    }

    #[test]
    fn a_shared_port_opens_twice() {
        let first = listen_shared("listen.http", ANY).unwrap();
        let address = first.local_addr().unwrap();
        let second = listen_shared("listen.http", address).unwrap();
        assert_eq!(second.local_addr().unwrap(), address);
    }
}
