//! Section `admin_api`.

use std::net::IpAddr;
use std::path::PathBuf;

use ipnet::IpNet;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::Error;

/// How the Admin API's own port is reached: plain HTTP, HTTPS, or HTTPS for clients with certificates.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdminApi {
    /// Whether it speaks TLS.
    pub https: bool,
    /// Its certificate, PEM. Without it, the internal CA's, as on the other ports.
    pub cert: Option<PathBuf>,
    /// The key of that certificate, PEM.
    pub key: Option<PathBuf>,
    /// Authorities, PEM. Clients must show a certificate that one of them has signed.
    pub client_ca: Option<PathBuf>,
    /// Addresses and networks whose clients are served; nothing = all.
    #[serde(deserialize_with = "networks")]
    pub allow: Vec<IpNet>,
}

fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    let texts: Vec<String> = Vec::deserialize(deserializer)?;
    let read = |text: String| {
        let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        network.map_err(|_| {
            D::Error::custom(format!("{text:?} is not allowed; allowed: addresses and networks, 10.0.0.0/8"))
        })
    };
    texts.into_iter().map(read).collect()
}

// === impl AdminApi ===

impl AdminApi {
    /// Checks what types can't say. Opens nothing.
    ///
    /// # Errors
    /// When a setting says nothing without another one.
    pub fn check(&self) -> Result<(), Error> {
        if self.cert.is_some() != self.key.is_some() {
            return Err(Error::invalid("admin_api.cert", "one of a pair", "cert and key together, or neither"));
        }
        if !self.https && (self.cert.is_some() || self.client_ca.is_some()) {
            return Err(Error::invalid(
                "admin_api.https",
                "certificates without TLS",
                "https: true with cert, key or client_ca",
            ));
        }
        Ok(())
    }
}
