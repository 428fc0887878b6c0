//! Certificates with their keys.

use serde::Deserialize;

use super::Labels;
use crate::{Id, lenient};

/// A certificate with its key. Each of the texts may refer to a secret instead, see
/// [`crate::schema::is_secret_reference`]; a key may be encrypted, then it doesn't start with `---`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Ssl {
    /// Its id; the key of the key space names it too.
    #[serde(default)]
    pub id: Option<Id>,
    /// Labels.
    #[serde(default, deserialize_with = "lenient::object")]
    pub labels: Labels,
    /// Who shows it.
    #[serde(default, rename = "type")]
    pub side: Side,
    /// The name it is for; see [`Ssl::names`].
    #[serde(default)]
    pub sni: Option<String>,
    /// The names it is for; see [`Ssl::names`].
    #[serde(default, deserialize_with = "lenient::list")]
    pub snis: Vec<String>,
    /// The certificate and those that it hangs on, PEM.
    pub cert: String,
    /// Its key, PEM.
    pub key: String,
    /// Further certificates, for other algorithms; see [`Ssl::pairs`].
    #[serde(default, deserialize_with = "lenient::list")]
    pub certs: Vec<String>,
    /// Their keys; see [`Ssl::pairs`].
    #[serde(default, deserialize_with = "lenient::list")]
    pub keys: Vec<String>,
    /// What is asked of clients; `None` = nothing.
    #[serde(default)]
    pub client: Option<ClientVerification>,
    /// The versions of TLS; empty = those of the listener.
    #[serde(default, deserialize_with = "lenient::list")]
    pub ssl_protocols: Vec<TlsVersion>,
    /// 1 = in use, 0 = not; see [`Ssl::is_enabled`].
    #[serde(default, deserialize_with = "lenient::integer_option")]
    pub status: Option<u8>,
}

/// Who shows a certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The gateway, to its clients.
    #[default]
    Server,
    /// The gateway, to upstreams.
    Client,
}

/// What is asked of the clients of a name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ClientVerification {
    /// The authorities that their certificates must come from, PEM.
    pub ca: String,
    /// How many authorities may stand between theirs and those.
    #[serde(default = "one", deserialize_with = "lenient::integer")]
    pub depth: u32,
    /// Paths for which no certificate is asked: regular expressions.
    #[serde(default, deserialize_with = "lenient::list")]
    pub skip_mtls_uri_regex: Vec<String>,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
pub enum TlsVersion {
    /// 1.1.
    #[serde(rename = "TLSv1.1")]
    Tls11,
    /// 1.2.
    #[serde(rename = "TLSv1.2")]
    Tls12,
    /// 1.3.
    #[serde(rename = "TLSv1.3")]
    Tls13,
}

const fn one() -> u32 {
    1
}

// === impl Ssl ===

impl Ssl {
    /// The names it is for, in lower case: exact ones, `*.example.com`, or `*` for all. One for upstreams may have none.
    pub fn names(&self) -> impl Iterator<Item = String> {
        // A list goes before a single name.
        let single = self.sni.iter().filter(|_| self.snis.is_empty());
        self.snis.iter().chain(single).map(|name| name.to_ascii_lowercase())
    }

    /// All certificates with their keys.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        let further = self.certs.iter().zip(&self.keys).map(|(cert, key)| (cert.as_str(), key.as_str()));
        std::iter::once((self.cert.as_str(), self.key.as_str())).chain(further)
    }

    /// Whether it is in use at all.
    pub fn is_enabled(&self) -> bool {
        self.status != Some(0)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_and_pairs() {
        let ssl: Ssl = serde_json::from_value(json!({
            "id": 1, "snis": ["A.com", "*.b.com"], "cert": "c", "key": "k", "certs": ["c2"], "keys": ["k2"], "status": 0,
            "client": {"ca": "a", "depth": 2.0, "skip_mtls_uri_regex": ["/health"]}, "ssl_protocols": ["TLSv1.3"]
        }))
        .unwrap();
        assert_eq!(ssl.names().collect::<Vec<_>>(), ["a.com", "*.b.com"]);
        assert_eq!(ssl.pairs().collect::<Vec<_>>(), [("c", "k"), ("c2", "k2")]);
        assert_eq!((ssl.side, ssl.is_enabled(), &*ssl.ssl_protocols), (Side::Server, false, &[TlsVersion::Tls13][..]));
        let client = ssl.client.unwrap();
        assert_eq!((client.ca.as_str(), client.depth, client.skip_mtls_uri_regex.len()), ("a", 2, 1));
    }

    #[test]
    fn defaults() {
        let ssl: Ssl =
            serde_json::from_value(json!({"type": "client", "cert": "c", "key": "k", "snis": {}, "sni": "X"})).unwrap();
        assert_eq!((ssl.side, ssl.is_enabled(), ssl.client), (Side::Client, true, None));
        let ssl: Ssl =
            serde_json::from_value(json!({"sni": "X", "cert": "c", "key": "k", "client": {"ca": "a"}})).unwrap();
        assert_eq!(ssl.names().collect::<Vec<_>>(), ["x"]);
        assert_eq!(ssl.client.unwrap().depth, 1);
        for wrong in [json!({"cert": "c"}), json!({"cert": "c", "key": "k", "ssl_protocols": ["SSLv3"]})] {
            assert!(serde_json::from_value::<Ssl>(wrong.clone()).is_err(), "{wrong}");
        }
    }
}
