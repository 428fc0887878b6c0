//! Formats: checks of texts that a pattern cannot say, or not well.
//!
//! `ipv4`, `ipv6`, `hostname` and `uri` are those of APISIX; `cidr` and `regex` are ours. Other names say nothing, as there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Outcome;
use crate::pattern::{Case, Pattern};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Ipv4,
    Ipv6,
    Hostname,
    Uri,
    /// An address or a network.
    Cidr,
    /// A pattern that [`Pattern`] can compile.
    Regex,
}

// === impl Format ===

impl Format {
    pub(super) fn named(name: &str) -> Option<Self> {
        [Self::Ipv4, Self::Ipv6, Self::Hostname, Self::Uri, Self::Cidr, Self::Regex]
            .into_iter()
            .find(|format| format.name() == name)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
            Self::Hostname => "hostname",
            Self::Uri => "uri",
            Self::Cidr => "cidr",
            Self::Regex => "regex",
        }
    }

    pub(super) fn check(self, text: &str) -> Outcome {
        if self.accepts(text) { Ok(()) } else { Err(format!("expect valid {} format but got: {text}", self.name())) }
    }

    fn accepts(self, text: &str) -> bool {
        match self {
            Self::Ipv4 => text.parse::<Ipv4Addr>().is_ok(),
            Self::Ipv6 => text.parse::<Ipv6Addr>().is_ok(),
            Self::Hostname => {
                !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
            }
            Self::Uri => is_uri(text),
            Self::Cidr => text.parse::<ipnet::IpNet>().is_ok() || text.parse::<IpAddr>().is_ok(),
            Self::Regex => Pattern::compile(text, Case::Sensitive).is_ok(),
        }
    }
}

fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let scheme = scheme.as_bytes();
    scheme.first().is_some_and(u8::is_ascii_alphabetic)
        && scheme.iter().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(b))
        && !rest.bytes().any(|b| b.is_ascii_whitespace() || b == 0x0b)
}
