//! The ports of stream routes, open.

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};

use portolan_rt::serve::{self, BindError};

use crate::config;
use crate::run::shared;

/// All of them, with one socket per worker each.
#[derive(Debug, Default)]
pub struct Ports {
    tcp: Vec<(config::Tcp, Vec<TcpListener>)>,
    udp: Vec<Vec<UdpSocket>>,
}

/// One worker's sockets.
#[derive(Debug, Default)]
pub struct Sockets {
    /// TCP, each with its options.
    pub tcp: Vec<(config::Tcp, TcpListener)>,
    /// UDP.
    pub udp: Vec<UdpSocket>,
}

// === impl Ports ===

impl Ports {
    /// Opens them.
    pub fn open(config: &config::Stream, workers: usize) -> Result<Self, BindError> {
        let mut ports = Self::default();
        for options in &config.tcp {
            for address in options.addr.addresses() {
                ports.tcp.push((*options, shared("listen.stream.tcp", address, workers)?));
            }
        }
        for address in config.udp.iter().flat_map(|ports| ports.addresses()) {
            ports.udp.push(shared_udp(address, workers)?);
        }
        Ok(ports)
    }

    /// Where they are: `tcp://…`, `tls://…` and `udp://…`.
    pub fn addresses(&self) -> io::Result<Vec<(&'static str, SocketAddr)>> {
        let tcp = self.tcp.iter().filter_map(|(options, sockets)| Some((options, sockets.first()?)));
        let tcp = tcp.map(|(options, socket)| Ok((if options.tls { "tls" } else { "tcp" }, socket.local_addr()?)));
        let udp = self.udp.iter().filter_map(|sockets| sockets.first());
        tcp.chain(udp.map(|socket| Ok(("udp", socket.local_addr()?)))).collect()
    }

    /// The sockets of one worker.
    pub fn of_worker(&self, at: usize) -> io::Result<Sockets> {
        let tcp = self.tcp.iter().filter_map(|(options, sockets)| Some((*options, sockets.get(at)?)));
        let udp = self.udp.iter().filter_map(|sockets| sockets.get(at));
        Ok(Sockets {
            tcp: tcp.map(|(options, socket)| Ok((options, socket.try_clone()?))).collect::<io::Result<_>>()?,
            udp: udp.map(UdpSocket::try_clone).collect::<io::Result<_>>()?,
        })
    }
}

/// As [`shared`] for TCP.
fn shared_udp(address: SocketAddr, workers: usize) -> Result<Vec<UdpSocket>, BindError> {
    const SETTING: &str = "listen.stream.udp";
    if address.port() != 0 {
        drop(serve::listen_udp(SETTING, address)?);
    }
    let first = serve::listen_udp_shared(SETTING, address)?;
    let address = first.local_addr().unwrap_or(address);
    let mut all = vec![first];
    for _ in 1..workers {
        all.push(serve::listen_udp_shared(SETTING, address)?);
    }
    Ok(all)
}
