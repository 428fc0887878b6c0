//! Section `discovery.kubernetes`: one cluster, or a list of clusters with ids.

use std::fmt;
use std::path::PathBuf;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use super::Secret;
use crate::config::Invalid;

/// Where Kubernetes keeps the token of the service account.
const TOKEN_FILE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/// The clusters.
#[derive(Debug, Clone)]
pub struct Kubernetes {
    /// One without an id, or any number with.
    pub clusters: Vec<Cluster>,
}

/// One cluster.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cluster {
    /// What names of services begin with, where there are several clusters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its API server.
    pub service: ApiServer,
    /// Who we are to it.
    pub client: Account,
    /// Which namespaces are followed; without it, all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace_selector: Option<NamespaceSelector>,
    /// Which endpoints are followed, by their labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_selector: Option<String>,
    /// Weight of each node.
    pub default_weight: u32,
    /// Whether EndpointSlices are followed, and not Endpoints.
    pub watch_endpoint_slices: bool,
    /// Memory, in APISIX. Has no effect here.
    pub shared_size: String,
}

/// An API server. `${NAME}` stands for a variable of the environment.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct ApiServer {
    /// `http` or `https`.
    pub schema: Schema,
    /// Name or address.
    pub host: String,
    /// Port.
    #[serde(deserialize_with = "text_or_number")]
    pub port: String,
    /// Whether its certificate is verified. By default it is if there is a `ca_file`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssl_verify: Option<bool>,
    /// PEM file with the authorities of its certificate, in place of those that the data plane trusts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
}

/// How an API server is spoken to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Schema {
    /// Plain.
    Http,
    /// With TLS.
    #[default]
    Https,
}

/// Who we are: a token, or a file with one, which is read again each time. `${NAME}` stands for a variable of the environment.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Account {
    /// The token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<Secret>,
    /// The file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_file: Option<String>,
}

/// Which namespaces are followed. One of the fields.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct NamespaceSelector {
    /// This one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub equal: Option<String>,
    /// All but this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_equal: Option<String>,
    /// Those that one of these expressions matches whole.
    #[serde(rename = "match", skip_serializing_if = "Vec::is_empty")]
    pub matches: Vec<String>,
    /// Those that none of these expressions matches whole.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_match: Vec<String>,
}

// === impl Cluster ===

impl Default for Cluster {
    fn default() -> Self {
        Self {
            id: None,
            service: ApiServer::default(),
            client: Account::default(),
            namespace_selector: None,
            label_selector: None,
            default_weight: 50,
            watch_endpoint_slices: false,
            shared_size: "64m".to_owned(),
        }
    }
}

impl Default for ApiServer {
    fn default() -> Self {
        Self {
            schema: Schema::default(),
            host: "${KUBERNETES_SERVICE_HOST}".to_owned(),
            port: "${KUBERNETES_SERVICE_PORT}".to_owned(),
            ssl_verify: None,
            ca_file: None,
        }
    }
}

impl ApiServer {
    /// Its address, without a slash at the end.
    pub(crate) fn url(&self) -> Result<String, Invalid> {
        let (host, port) = (expanded(&self.host)?, expanded(&self.port)?);
        let scheme = if self.schema == Schema::Http { "http" } else { "https" };
        let host = if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host };
        let invalid = |reason| Invalid { setting: "discovery.kubernetes.service", reason };
        let number = port.parse::<u16>().ok().filter(|port| *port != 0);
        number.ok_or_else(|| invalid(format!("{port:?} is not a port")))?;
        let url = format!("{scheme}://{host}:{port}");
        match url.parse::<http::Uri>() {
            Ok(uri) if uri.host().is_some_and(|host| !host.is_empty()) => Ok(url),
            _ => Err(invalid(format!("{host:?} is not a host"))),
        }
    }

    /// Whether its certificate is verified.
    pub(crate) fn is_verified(&self) -> bool {
        self.ssl_verify.unwrap_or(self.ca_file.is_some())
    }
}

impl Account {
    /// The token; reads the file.
    pub(crate) fn token(&self) -> Result<String, Invalid> {
        if let Some(token) = &self.token {
            return Ok(expanded(token.reveal())?.trim().to_owned());
        }
        let path = expanded(self.token_file.as_deref().unwrap_or(TOKEN_FILE))?;
        let text = std::fs::read_to_string(&path).map_err(|error| Invalid {
            setting: "discovery.kubernetes.client.token_file",
            reason: format!("can't read {path}: {error}"),
        })?;
        Ok(text.trim().to_owned())
    }
}

/// Ports are texts, since they may name a variable; who writes a number means it as well.
fn text_or_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Text(String),
        Number(u16),
    }
    Ok(match Either::deserialize(deserializer)? {
        Either::Text(text) => text,
        Either::Number(number) => number.to_string(),
    })
}

/// The text, or the variable that it names.
fn expanded(text: &str) -> Result<String, Invalid> {
    let Some(name) = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')) else {
        return Ok(text.to_owned());
    };
    #[expect(clippy::disallowed_methods, reason = "the setting itself names the variable, as in APISIX")]
    let value = std::env::var(name);
    value.map_err(|_| Invalid {
        setting: "discovery.kubernetes",
        reason: format!("there is no {name} in the environment"),
    })
}

// === impl NamespaceSelector ===

impl NamespaceSelector {
    fn check(&self) -> Result<(), Invalid> {
        let invalid = |reason: String| Err(Invalid { setting: "discovery.kubernetes.namespace_selector", reason });
        let given =
            [self.equal.is_some(), self.not_equal.is_some(), !self.matches.is_empty(), !self.not_match.is_empty()];
        if given.into_iter().filter(|given| *given).count() > 1 {
            return invalid("takes one of equal, not_equal, match, not_match".to_owned());
        }
        for expression in self.matches.iter().chain(&self.not_match) {
            if let Err(error) = whole(expression) {
                return invalid(format!("{expression:?}: {error}"));
            }
        }
        Ok(())
    }
}

/// An expression that matches a text whole or not at all.
pub(crate) fn whole(expression: &str) -> Result<regex::Regex, regex::Error> {
    regex::Regex::new(&format!("^(?:{expression})$"))
}

// === impl Kubernetes ===

impl Kubernetes {
    /// Whether names of services begin with the id of a cluster.
    #[must_use]
    pub fn has_ids(&self) -> bool {
        self.clusters.iter().any(|cluster| cluster.id.is_some())
    }

    pub(super) fn check(&self) -> Result<(), Invalid> {
        let invalid = |setting, reason: &str| Err(Invalid { setting, reason: reason.to_owned() });
        if self.clusters.is_empty() {
            return invalid("discovery.kubernetes", "one cluster at least is needed");
        }
        for (at, cluster) in self.clusters.iter().enumerate() {
            if let Some(id) = &cluster.id {
                let plain = id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
                let again = self.clusters[..at].iter().any(|other| other.id.as_ref() == Some(id));
                if !plain || !(1..=64).contains(&id.len()) || again {
                    return invalid(
                        "discovery.kubernetes.id",
                        "must be 1 to 64 of a-z and 0-9, and another for each cluster",
                    );
                }
            }
            if cluster.client.token.is_some() && cluster.client.token_file.is_some() {
                return invalid("discovery.kubernetes.client", "takes either token or token_file");
            }
            cluster.service.url()?;
            cluster.namespace_selector.as_ref().map_or(Ok(()), NamespaceSelector::check)?;
        }
        Ok(())
    }
}

impl Serialize for Kubernetes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.clusters.as_slice() {
            [one] if one.id.is_none() => one.serialize(serializer),
            many => many.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Kubernetes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Kubernetes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a cluster, or a list of clusters")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Kubernetes, A::Error> {
                let one = Cluster::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Kubernetes { clusters: vec![one] })
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Kubernetes, A::Error> {
                let clusters = Vec::<Cluster>::deserialize(SeqAccessDeserializer::new(seq))?;
                match clusters.iter().any(|cluster| cluster.id.is_none()) {
                    true => Err(serde::de::Error::missing_field("id")),
                    false => Ok(Kubernetes { clusters }),
                }
            }
        }

        deserializer.deserialize_any(Either)
    }
}
