//! The PROXY protocol, versions 1 and 2: who a client is, said by the proxy before this one.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

/// A version of the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// A line of text.
    V1,
    /// Binary.
    V2,
}

/// Both ends of the client's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    /// The client.
    pub source: SocketAddr,
    /// What it connected to.
    pub destination: SocketAddr,
}

/// Why a header cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The connection failed, or ended within the header.
    #[error("the PROXY header was not read to its end")]
    Read(#[from] io::Error),
    /// What came is no header.
    #[error("the connection does not begin with a PROXY header")]
    Malformed,
}

const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// Length of the shortest line, `PROXY UNKNOWN` with its end. A binary header is longer: nothing behind it is read with these.
const SHORTEST: usize = 15;
/// Length of the longest line.
const LONGEST: usize = 107;
/// A binary header with more than this behind its fixed part is refused; addresses take 36 bytes, the rest is optional.
const MOST: usize = 4096;

/// Reads a header, and nothing behind it. `None`: it says nothing of a client, as in a proxy's own health checks.
pub async fn read(stream: &mut TcpStream) -> Result<Option<Addresses>, Error> {
    let mut start = [0; SHORTEST];
    stream.read_exact(&mut start).await?;
    if start.starts_with(SIGNATURE) {
        let low = stream.read_u8().await?;
        let length = usize::from(u16::from_be_bytes([start[14], low]));
        if length > MOST {
            return Err(Error::Malformed);
        }
        let mut rest = vec![0; length];
        stream.read_exact(&mut rest).await?;
        return parse_binary(start[12], start[13], &rest);
    }
    if !start.starts_with(b"PROXY ") {
        return Err(Error::Malformed);
    }
    let mut line = start.to_vec();
    while !line.ends_with(b"\r\n") {
        let mut ahead = [0; LONGEST];
        let room = LONGEST - line.len();
        let seen = stream.peek(&mut ahead[..room]).await?;
        if seen == 0 {
            return Err(Error::Malformed);
        }
        // Up to the end of the line, or all there is of it.
        let take = ahead[..seen].iter().position(|byte| *byte == b'\n').map_or(seen, |at| at + 1);
        stream.read_exact(&mut ahead[..take]).await?;
        line.extend_from_slice(&ahead[..take]);
        if line.ends_with(b"\n") && !line.ends_with(b"\r\n") {
            return Err(Error::Malformed);
        }
    }
    parse_line(&line)
}

fn parse_line(line: &[u8]) -> Result<Option<Addresses>, Error> {
    let text = std::str::from_utf8(line).ok().and_then(|text| text.strip_suffix("\r\n")).ok_or(Error::Malformed)?;
    let mut words = text.split(' ');
    let (_, family) = (words.next(), words.next());
    let ip4 = |word: &str| word.parse().map(IpAddr::V4).ok();
    let ip6 = |word: &str| word.parse().map(IpAddr::V6).ok();
    let ip: &dyn Fn(&str) -> Option<IpAddr> = match family {
        Some("UNKNOWN") => return Ok(None),
        Some("TCP4") => &ip4,
        Some("TCP6") => &ip6,
        _ => return Err(Error::Malformed),
    };
    let mut address = || words.next().and_then(ip);
    let ips = (address(), address());
    let mut port = || words.next().filter(|word| word.bytes().all(|b| b.is_ascii_digit()))?.parse::<u16>().ok();
    let ports = (port(), port());
    match (ips, ports, words.next()) {
        ((Some(source), Some(destination)), (Some(from), Some(to)), None) => {
            Ok(Some(Addresses { source: SocketAddr::new(source, from), destination: SocketAddr::new(destination, to) }))
        }
        _ => Err(Error::Malformed),
    }
}

fn parse_binary(version_and_command: u8, family: u8, rest: &[u8]) -> Result<Option<Addresses>, Error> {
    match version_and_command {
        // The proxy speaks for itself.
        0x20 => return Ok(None),
        0x21 => {}
        _ => return Err(Error::Malformed),
    }
    let port = |at: usize| rest.get(at..at + 2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]));
    let ip4 = |at: usize| Some(IpAddr::from(<[u8; 4]>::try_from(rest.get(at..at + 4)?).ok()?));
    let ip6 = |at: usize| Some(IpAddr::from(<[u8; 16]>::try_from(rest.get(at..at + 16)?).ok()?));
    let found = match family {
        0x11 | 0x12 => (ip4(0), ip4(4), port(8), port(10)),
        0x21 | 0x22 => (ip6(0), ip6(16), port(32), port(34)),
        // Not of the internet: nothing that a rule of ours could look at.
        _ => return Ok(None),
    };
    match found {
        (Some(source), Some(destination), Some(from), Some(to)) => {
            Ok(Some(Addresses { source: SocketAddr::new(source, from), destination: SocketAddr::new(destination, to) }))
        }
        _ => Err(Error::Malformed),
    }
}

// === impl Version ===

impl Version {
    /// The header for a TCP connection.
    #[must_use]
    pub fn header(self, addresses: Addresses) -> Vec<u8> {
        let Addresses { source, destination } = addresses.of_one_family();
        match self {
            Self::V1 => {
                let family = if source.is_ipv4() { "TCP4" } else { "TCP6" };
                let (from, to) = (source.ip(), destination.ip());
                format!("PROXY {family} {from} {to} {} {}\r\n", source.port(), destination.port()).into_bytes()
            }
            Self::V2 => {
                let mut header = SIGNATURE.to_vec();
                header.push(0x21);
                let octets = |ip: IpAddr| match ip {
                    IpAddr::V4(ip) => ip.octets().to_vec(),
                    IpAddr::V6(ip) => ip.octets().to_vec(),
                };
                let (family, length) = if source.is_ipv4() { (0x11, 12_u16) } else { (0x21, 36) };
                header.push(family);
                header.extend_from_slice(&length.to_be_bytes());
                header.extend(octets(source.ip()));
                header.extend(octets(destination.ip()));
                header.extend_from_slice(&source.port().to_be_bytes());
                header.extend_from_slice(&destination.port().to_be_bytes());
                header
            }
        }
    }
}

// === impl Addresses ===

impl Addresses {
    /// A header has one family for both.
    fn of_one_family(self) -> Self {
        let plain = |address: SocketAddr| SocketAddr::new(address.ip().to_canonical(), address.port());
        let (source, destination) = (plain(self.source), plain(self.destination));
        if source.is_ipv4() == destination.is_ipv4() {
            return Self { source, destination };
        }
        let six = |address: SocketAddr| match address.ip() {
            IpAddr::V4(ip) => SocketAddr::new(Ipv4Addr::to_ipv6_mapped(&ip).into(), address.port()),
            IpAddr::V6(ip) => SocketAddr::new(Ipv6Addr::from(ip.octets()).into(), address.port()),
        };
        Self { source: six(source), destination: six(destination) }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;
    use tokio::net::TcpListener;

    use super::*;

    /// What is read of these pieces, and what is left behind the header.
    async fn exchange(pieces: &[&[u8]]) -> (Result<Option<Addresses>, Error>, Vec<u8>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        client.set_nodelay(true).unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        let send = async {
            for piece in pieces {
                client.write_all(piece).await.unwrap();
                tokio::task::yield_now().await;
            }
            client.shutdown().await.unwrap();
        };
        let (read, ()) = tokio::join!(read(&mut server), send);
        let mut rest = Vec::new();
        server.read_to_end(&mut rest).await.unwrap();
        (read, rest)
    }

    fn addresses(source: &str, destination: &str) -> Addresses {
        Addresses { source: source.parse().unwrap(), destination: destination.parse().unwrap() }
    }

    #[tokio::test]
    async fn headers_are_read_and_nothing_behind_them() {
        let four = addresses("192.0.2.7:4711", "198.51.100.1:443");
        let six = addresses("[2001:db8::7]:4711", "[2001:db8::1]:443");
        for expected in [four, six] {
            for version in [Version::V1, Version::V2] {
                let header = version.header(expected);
                let (read, rest) = exchange(&[&header, b"hello"]).await;
                assert_eq!((read.unwrap(), &*rest), (Some(expected), &b"hello"[..]));
                // In pieces, the last one with what follows.
                let middle = header.len() - 3;
                let last = [&header[middle..], b"hello"].concat();
                let (read, rest) = exchange(&[&header[..7], &header[7..16], &header[16..middle], &last]).await;
                assert_eq!((read.unwrap(), &*rest), (Some(expected), &b"hello"[..]));
            }
        }
        let local = [&SIGNATURE[..], &[0x20, 0, 0, 3], b"tlv", b"hello"].concat();
        let unix = [&SIGNATURE[..], &[0x21, 0x31, 0, 0], b"hello"].concat();
        for header in [&b"PROXY UNKNOWN\r\nhello"[..], b"PROXY UNKNOWN a b c\r\nhello", &local, &unix] {
            let (read, rest) = exchange(&[header]).await;
            assert_eq!((read.unwrap(), &*rest), (None, &b"hello"[..]));
        }
    }

    #[tokio::test]
    async fn what_is_no_header_is_refused() {
        let short = [&SIGNATURE[..], &[0x21, 0x11, 0, 4, 1, 2, 3, 4]].concat();
        let version = [&SIGNATURE[..], &[0x11, 0x11, 0, 0]].concat();
        let long = [&b"PROXY TCP4 "[..], &[b'1'; 200], b"\r\n"].concat();
        for bytes in [
            &b"GET / HTTP/1.1\r\nhost: h\r\n\r\n"[..],
            b"PROXY TCP4 192.0.2.7 198.51.100.1 1 2 3\r\n",
            b"PROXY TCP4 192.0.2.7 198.51.100.1 1\r\n",
            b"PROXY TCP4 192.0.2.7 198.51.100.1 +1 2\r\n",
            b"PROXY TCP4 192.0.2.7 198.51.100.1 1 65536\r\n",
            b"PROXY TCP4 2001:db8::7 2001:db8::1 1 2\r\n",
            b"PROXY TCP4 192.0.2.7 198.51.100.1 1 2\nhello",
            b"PROXY UDP4 192.0.2.7 198.51.100.1 1 2\r\n",
            b"PROXY",
            &short,
            &version,
            &long,
        ] {
            let (read, _) = exchange(&[bytes]).await;
            read.unwrap_err();
        }
    }

    #[test]
    fn families_that_differ_become_one() {
        let mixed = addresses("192.0.2.7:1", "[2001:db8::1]:2");
        assert_eq!(Version::V1.header(mixed), b"PROXY TCP6 ::ffff:192.0.2.7 2001:db8::1 1 2\r\n");
        let mapped = addresses("[::ffff:192.0.2.7]:1", "198.51.100.1:2");
        assert_eq!(Version::V1.header(mapped), b"PROXY TCP4 192.0.2.7 198.51.100.1 1 2\r\n");
    }
}
