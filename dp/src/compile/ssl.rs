//! Compiles certificates.

use std::borrow::Cow;
use std::sync::Arc;

use portolan_model::resource::{ClientVerification, Side, Ssl as Parsed, TlsVersion};

use super::{Compiler, read};
use crate::plugin::references;
use crate::resource::Document;
use crate::tls::{Certificates, Clients, Name, Purpose, Role, Server, Sessions, Settings, Ssl, pair};

// === impl Compiler ===

impl Compiler {
    pub(super) fn compile_ssl(&mut self, id: &Arc<str>, document: &Arc<Document>) -> Result<(), String> {
        let parsed: Parsed = read(document)?;
        let pairs = self.pairs(&parsed)?;
        let role = match parsed.side {
            Side::Client => Role::Client(pairs.into_iter().next().ok_or("there is no certificate")?),
            Side::Server => Role::Server(self.server(&parsed, pairs)?),
        };
        let ssl = Arc::new(Ssl { id: id.clone(), role, document: document.clone() });
        self.remove_ssl(id);
        self.snapshot.certificates.insert(&ssl);
        self.snapshot.ssls.insert(id, ssl);
        Ok(())
    }

    pub(super) fn remove_ssl(&mut self, id: &Arc<str>) {
        if let Some(old) = self.snapshot.ssls.get(id.as_bytes()).cloned() {
            self.snapshot.certificates.remove(&old);
            self.snapshot.ssls.remove(id);
        }
    }

    fn server(&self, parsed: &Parsed, pairs: Vec<Arc<rustls::sign::CertifiedKey>>) -> Result<Server, String> {
        let (tls12, tls13) = versions(&parsed.ssl_protocols)?;
        let clients = parsed.client.as_ref().map(|client| {
            let ca = self.text(&client.ca)?.into_owned();
            Clients::compile(&ClientVerification { ca, ..client.clone() }).map(Arc::new)
        });
        let settings = Settings {
            certificates: Arc::new(Certificates::new(pairs, tls13)),
            clients: clients.transpose()?,
            sessions: self.state.get("tls sessions", Sessions::default).part(),
            tls12,
            tls13,
        };
        let config = |purpose| settings.config(purpose).map_err(|error| error.to_string());
        Ok(Server {
            names: parsed.names().filter(|_| parsed.is_enabled()).map(|name| Name::parse(&name)).collect(),
            http: config(Purpose::Http)?,
            stream: config(Purpose::Stream)?,
            clients: settings.clients.clone(),
        })
    }

    fn pairs(&self, parsed: &Parsed) -> Result<Vec<Arc<rustls::sign::CertifiedKey>>, String> {
        parsed.pairs().map(|(cert, key)| pair(&self.text(cert)?, &self.key(key)?)).collect()
    }

    /// A text, or the secret that it refers to.
    fn text<'t>(&self, text: &'t str) -> Result<Cow<'t, str>, String> {
        references::resolved_text(text, self.secrets()).map_err(|error| error.to_string())
    }

    /// The key as PEM. A key that is encrypted at rest and that no key opened doesn't begin as PEM does.
    fn key<'t>(&self, key: &'t str) -> Result<Cow<'t, str>, String> {
        let key = self.text(key)?;
        if !key.starts_with("---") {
            return Err("the key is encrypted, and there is nothing to decrypt it with".to_owned());
        }
        Ok(key)
    }
}

/// 1.2 and 1.3: those that the resource asks for. There is no 1.1 here; it is left out of a list with others.
fn versions(asked: &[TlsVersion]) -> Result<(bool, bool), String> {
    let has = |version| asked.is_empty() || asked.contains(&version);
    match (has(TlsVersion::Tls12), has(TlsVersion::Tls13)) {
        (false, false) => Err("ssl_protocols: TLSv1.1 is not supported, only TLSv1.2 and TLSv1.3 are".to_owned()),
        both => Ok(both),
    }
}

#[cfg(test)]
mod tests;
