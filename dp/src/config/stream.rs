//! Section `listen.stream`: ports of stream routes.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, Visitor};

use crate::proxy_protocol::Version;

/// Ports of stream routes.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Stream {
    /// TCP, with or without TLS.
    pub tcp: Vec<Tcp>,
    /// UDP.
    pub udp: Vec<Ports>,
}

/// One or more TCP ports: `9100`, `127.0.0.1:9100`, `9100-9110`, or a map with `addr` and options.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tcp {
    /// Where.
    pub addr: Ports,
    /// Whether clients speak TLS, which ends here.
    pub tls: bool,
    /// Whether clients begin with a PROXY header.
    pub proxy_protocol: bool,
    /// The PROXY header that nodes are sent.
    pub proxy_protocol_to_upstream: Option<Version>,
}

/// An address with one or more ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ports {
    /// The address.
    pub ip: IpAddr,
    /// The first port.
    pub first: u16,
    /// The last one.
    pub last: u16,
}

/// The PROXY protocol on the HTTP ports.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProxyProtocol {
    /// Whether clients of `listen.http` begin with a PROXY header.
    pub http: bool,
    /// Whether those of `listen.https` do.
    pub https: bool,
    /// Whose header is believed, on the ports of stream routes too. The others' is read, and changes nothing.
    pub trusted: Vec<ipnet::IpNet>,
}

/// A `Tcp` written as a map.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    addr: Ports,
    #[serde(default)]
    tls: bool,
    #[serde(default)]
    proxy_protocol: bool,
    #[serde(default)]
    proxy_protocol_to_upstream: ToUpstream,
}

/// `true` is version 1, as in APISIX.
#[derive(Default)]
struct ToUpstream(Option<Version>);

const PORTS: &str = "a port such as 9100, a range such as 9100-9110, or either behind an address as in 127.0.0.1:9100";

// === impl Ports ===

impl Ports {
    /// All addresses.
    pub fn addresses(self) -> impl Iterator<Item = SocketAddr> {
        (self.first..=self.last).map(move |port| SocketAddr::new(self.ip, port))
    }
}

impl FromStr for Ports {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not {PORTS}");
        let (ip, ports) = match text.rsplit_once(':') {
            Some((ip, ports)) => {
                let ip = ip.strip_prefix('[').and_then(|ip| ip.strip_suffix(']')).unwrap_or(ip);
                (ip.parse().map_err(|_| wrong())?, ports)
            }
            None => (IpAddr::V4(Ipv4Addr::UNSPECIFIED), text),
        };
        let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
        let [first, last] = [first, last].map(|port| port.parse::<u16>().map_err(|_| wrong()));
        let ports = Self { ip, first: first?, last: last? };
        if ports.first > ports.last { Err(wrong()) } else { Ok(ports) }
    }
}

impl From<u16> for Ports {
    fn from(port: u16) -> Self {
        Self { ip: IpAddr::V4(Ipv4Addr::UNSPECIFIED), first: port, last: port }
    }
}

/// Reads ports, and a map where `T` has one.
struct Reader<T>(std::marker::PhantomData<T>);

impl<'de, T: FromOptions> Visitor<'de> for Reader<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(PORTS)
    }

    fn visit_u64<E: de::Error>(self, port: u64) -> Result<T, E> {
        let port = u16::try_from(port).map_err(|_| E::invalid_value(de::Unexpected::Unsigned(port), &self))?;
        Ok(T::from_ports(port.into()))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map(T::from_ports).map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::from_map(map)
    }
}

trait FromOptions: Sized {
    fn from_ports(ports: Ports) -> Self;
    fn from_map<'de, A: MapAccess<'de>>(map: A) -> Result<Self, A::Error>;
}

impl FromOptions for Ports {
    fn from_ports(ports: Ports) -> Self {
        ports
    }

    fn from_map<'de, A: MapAccess<'de>>(_: A) -> Result<Self, A::Error> {
        Err(de::Error::custom(format!("a map is not {PORTS}")))
    }
}

impl FromOptions for Tcp {
    fn from_ports(addr: Ports) -> Self {
        Self { addr, tls: false, proxy_protocol: false, proxy_protocol_to_upstream: None }
    }

    fn from_map<'de, A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        let options = Options::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Self {
            addr: options.addr,
            tls: options.tls,
            proxy_protocol: options.proxy_protocol,
            proxy_protocol_to_upstream: options.proxy_protocol_to_upstream.0,
        })
    }
}

impl<'de> Deserialize<'de> for Ports {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader(std::marker::PhantomData))
    }
}

impl<'de> Deserialize<'de> for Tcp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader(std::marker::PhantomData))
    }
}

impl<'de> Deserialize<'de> for ToUpstream {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Choice;
        impl Visitor<'_> for Choice {
            type Value = ToUpstream;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true, false, v1 or v2")
            }

            fn visit_bool<E: de::Error>(self, yes: bool) -> Result<ToUpstream, E> {
                Ok(ToUpstream(yes.then_some(Version::V1)))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<ToUpstream, E> {
                match text {
                    "v1" => Ok(ToUpstream(Some(Version::V1))),
                    "v2" => Ok(ToUpstream(Some(Version::V2))),
                    other => Err(E::invalid_value(de::Unexpected::Str(other), &self)),
                }
            }
        }
        deserializer.deserialize_any(Choice)
    }
}

// === impl ProxyProtocol ===

impl Default for ProxyProtocol {
    fn default() -> Self {
        // Whoever reaches a port that asks for the header is taken for a proxy, unless it is said otherwise.
        let everyone = [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED)];
        let trusted = everyone.map(|ip| ipnet::IpNet::new(ip, 0).expect("no bits fit every address"));
        Self { http: false, https: false, trusted: trusted.into() }
    }
}

impl ProxyProtocol {
    /// Whether this peer's header is believed.
    #[must_use]
    pub fn trusts(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.trusted.iter().any(|network| network.contains(&peer))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn tcp(value: Value) -> Result<Tcp, String> {
        serde_json::from_value(value).map_err(|error| error.to_string())
    }

    #[test]
    fn ports_are_read() {
        let ports = |ip: &str, first, last| Ports { ip: ip.parse().unwrap(), first, last };
        for (value, expected) in [
            (json!(9100), ports("0.0.0.0", 9100, 9100)),
            (json!("9100"), ports("0.0.0.0", 9100, 9100)),
            (json!("127.0.0.1:9100"), ports("127.0.0.1", 9100, 9100)),
            (json!("[::1]:9100-9102"), ports("::1", 9100, 9102)),
            (json!("2000-2100"), ports("0.0.0.0", 2000, 2100)),
        ] {
            assert_eq!(tcp(value.clone()).unwrap().addr, expected, "{value}");
            assert_eq!(serde_json::from_value::<Ports>(value).unwrap(), expected);
        }
        assert_eq!(ports("::1", 7, 9).addresses().count(), 3);
        for wrong in [
            json!(70000),
            json!("x"),
            json!("9-7"),
            json!("a.com:7"),
            json!(true),
            json!({"tls": true}),
            json!({"addr": 1, "x": 1}),
        ] {
            assert!(tcp(wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn options_are_read() {
        let read = tcp(json!({"addr": 9100, "tls": true, "proxy_protocol": true, "proxy_protocol_to_upstream": "v2"}));
        let read = read.unwrap();
        assert!(read.tls && read.proxy_protocol);
        assert_eq!(read.proxy_protocol_to_upstream, Some(Version::V2));
        let to = |value: Value| tcp(json!({"addr": 1, "proxy_protocol_to_upstream": value}));
        assert_eq!(to(json!(true)).unwrap().proxy_protocol_to_upstream, Some(Version::V1));
        assert_eq!(to(json!(false)).unwrap().proxy_protocol_to_upstream, None);
        assert!(to(json!("v3")).is_err());
    }

    #[test]
    fn trust_is_everyone_s_unless_said_otherwise() {
        let everyone = ProxyProtocol::default();
        assert!(everyone.trusts("192.0.2.1".parse().unwrap()) && everyone.trusts("::ffff:192.0.2.1".parse().unwrap()));
        let some = ProxyProtocol { trusted: vec!["10.0.0.0/8".parse().unwrap()], ..ProxyProtocol::default() };
        assert!(some.trusts("::ffff:10.1.1.1".parse().unwrap()) && !some.trusts("192.0.2.1".parse().unwrap()));
    }
}
