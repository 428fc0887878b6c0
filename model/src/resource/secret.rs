//! Managers of secrets, and how they are asked.

use std::fmt;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::lenient;

/// Who keeps secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Manager {
    /// HashiCorp Vault.
    Vault,
    /// AWS Secrets Manager.
    Aws,
    /// Google Cloud Secret Manager.
    Gcp,
}

/// A place where secrets are. Texts may refer to variables of the environment: `$env://TOKEN`.
#[derive(Clone, Debug, PartialEq)]
pub enum Secret {
    /// In Vault.
    Vault(Vault),
    /// At AWS.
    Aws(Aws),
    /// At Google.
    Gcp(Gcp),
}

/// Secrets in Vault.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Vault {
    /// The server.
    pub uri: String,
    /// The path of its key-value engine.
    pub prefix: String,
    /// What lets us in.
    pub token: String,
    /// The namespace, of the enterprise edition.
    #[serde(default)]
    pub namespace: Option<String>,
}

/// Secrets at AWS.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Aws {
    /// Who we are.
    pub access_key_id: String,
    /// What lets us in.
    pub secret_access_key: String,
    /// What lets us in for a while.
    #[serde(default)]
    pub session_token: Option<String>,
    /// The region.
    #[serde(default = "us_east")]
    pub region: String,
    /// The server, when it isn't the region's own.
    #[serde(default)]
    pub endpoint_url: Option<String>,
}

/// Secrets at Google.
#[derive(Clone, Debug, PartialEq)]
pub struct Gcp {
    /// What lets us in.
    pub account: Account,
    /// Whether certificates are verified.
    pub ssl_verify: bool,
}

/// Where the key of a service account is.
#[derive(Clone, Debug, PartialEq)]
pub enum Account {
    /// Here.
    Here(ServiceAccount),
    /// In a file of the data plane.
    File(String),
}

/// The key of a service account.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ServiceAccount {
    /// Who we are.
    pub client_email: String,
    /// What lets us in, PEM.
    pub private_key: String,
    /// Whose secrets they are.
    pub project_id: String,
    /// Who gives tokens.
    #[serde(default = "token_uri")]
    pub token_uri: String,
    /// What tokens are asked for.
    #[serde(default = "scope", deserialize_with = "lenient::list")]
    pub scope: Vec<String>,
    /// The server.
    #[serde(default = "entries_uri")]
    pub entries_uri: String,
}

/// What the document of [`Gcp`] holds.
#[derive(Deserialize)]
struct GcpFields {
    #[serde(default)]
    auth_config: Option<ServiceAccount>,
    #[serde(default)]
    auth_file: Option<String>,
    #[serde(default = "yes")]
    ssl_verify: bool,
}

fn us_east() -> String {
    "us-east-1".to_owned()
}

fn token_uri() -> String {
    "https://oauth2.googleapis.com/token".to_owned()
}

fn scope() -> Vec<String> {
    vec!["https://www.googleapis.com/auth/cloud-platform".to_owned()]
}

fn entries_uri() -> String {
    "https://secretmanager.googleapis.com/v1".to_owned()
}

const fn yes() -> bool {
    true
}

// === impl Manager ===

impl Manager {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Vault, Self::Aws, Self::Gcp];

    /// The name in keys, paths and references: `vault`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Vault => "vault",
            Self::Aws => "aws",
            Self::Gcp => "gcp",
        }
    }

    /// The manager of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|manager| manager.name() == name)
    }
}

impl fmt::Display for Manager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

// === impl Secret ===

impl Secret {
    /// Reads a document about that manager.
    pub fn read(manager: Manager, document: &Value) -> Result<Self, serde_json::Error> {
        match manager {
            Manager::Vault => Vault::deserialize(document).map(Self::Vault),
            Manager::Aws => Aws::deserialize(document).map(Self::Aws),
            Manager::Gcp => Gcp::deserialize(document).map(Self::Gcp),
        }
    }

    /// Who keeps them.
    pub const fn manager(&self) -> Manager {
        match self {
            Self::Vault(_) => Manager::Vault,
            Self::Aws(_) => Manager::Aws,
            Self::Gcp(_) => Manager::Gcp,
        }
    }
}

// === impl Gcp ===

impl<'de> Deserialize<'de> for Gcp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = GcpFields::deserialize(deserializer)?;
        let account = match (fields.auth_config, fields.auth_file) {
            (Some(here), _) => Account::Here(here),
            (None, Some(file)) => Account::File(file),
            (None, None) => return Err(serde::de::Error::missing_field("auth_config")),
        };
        Ok(Self { account, ssl_verify: fields.ssl_verify })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn managers() {
        for manager in Manager::ALL {
            assert_eq!(Manager::named(manager.name()), Some(manager));
        }
        assert_eq!(Manager::named("foo"), None);
    }

    #[test]
    fn each_has_its_own_document() {
        let read = |manager, document| Secret::read(manager, &document);
        let vault = json!({"id": "vault/1", "uri": "http://v", "prefix": "kv", "token": "$env://T"});
        assert!(matches!(read(Manager::Vault, vault).unwrap(), Secret::Vault(vault) if vault.namespace.is_none()));
        let aws = json!({"access_key_id": "a", "secret_access_key": "s"});
        assert!(matches!(read(Manager::Aws, aws).unwrap(), Secret::Aws(aws) if aws.region == "us-east-1"));
        let file = read(Manager::Gcp, json!({"auth_file": "/f", "ssl_verify": false})).unwrap();
        assert_eq!(file, Secret::Gcp(Gcp { account: Account::File("/f".to_owned()), ssl_verify: false }));
        let here = json!({"auth_config": {"client_email": "e", "private_key": "k", "project_id": "p", "scope": {}}});
        let Secret::Gcp(Gcp { account: Account::Here(account), ssl_verify }) = read(Manager::Gcp, here).unwrap() else {
            panic!("the account is in the document")
        };
        assert_eq!((account.scope.len(), account.token_uri, ssl_verify), (0, token_uri(), true));
        for (manager, wrong) in
            [(Manager::Vault, json!({"uri": "http://v"})), (Manager::Aws, json!({})), (Manager::Gcp, json!({}))]
        {
            let error = read(manager, wrong);
            assert!(error.is_err(), "{manager}");
        }
    }
}
