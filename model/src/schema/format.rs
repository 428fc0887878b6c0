//! Formats: checks that keywords cannot say, or not well.
//!
//! `ipv4`, `ipv6`, `hostname` and `uri` are those of APISIX; `cidr` and `regex` are ours. Other names say nothing, as there.
//! `cors-credentials` is about an object: what APISIX checks in code, beside the schema, stands here as a format, so that
//! whoever has the schema refuses the same things.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde_json::Value;

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
    /// An object: with `allow_credential`, no option is `*`.
    CorsCredentials,
}

// === impl Format ===

impl Format {
    pub(super) fn named(name: &str) -> Option<Self> {
        [Self::Ipv4, Self::Ipv6, Self::Hostname, Self::Uri, Self::Cidr, Self::Regex, Self::CorsCredentials]
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
            Self::CorsCredentials => "cors-credentials",
        }
    }

    /// A format is about texts or about objects; it says nothing of other values.
    pub(super) fn check(self, value: &Value) -> Outcome {
        match value {
            Value::String(text) if !self.accepts(text) => {
                Err(format!("expect valid {} format but got: {text}", self.name()))
            }
            Value::Object(_) if self == Self::CorsCredentials && allows_all_with_credentials(value) => {
                Err("you can not set '*' for other option when 'allow_credential' is true".to_owned())
            }
            _ => Ok(()),
        }
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
            Self::CorsCredentials => true,
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

fn allows_all_with_credentials(cors: &Value) -> bool {
    const OPTIONS: [&str; 5] =
        ["allow_origins", "allow_methods", "allow_headers", "expose_headers", "timing_allow_origins"];
    let is_star = |option: &str| cors.get(option).and_then(Value::as_str) == Some("*");
    cors.get("allow_credential") == Some(&Value::Bool(true)) && OPTIONS.into_iter().any(is_star)
}
