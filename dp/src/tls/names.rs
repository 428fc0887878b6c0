//! Certificates by the name that a client asks for.

use std::sync::Arc;

use super::Ssl;
use crate::tree::Tree;

/// A name of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    /// This one.
    Exact(Box<str>),
    /// Those that end in this, with one label (or a part of one) before it: `.example.com` for `*.example.com`.
    Suffix(Box<str>),
    /// Every one.
    Any,
}

/// All names. Cloning it is cheap.
#[derive(Debug, Clone, Default)]
pub struct Names {
    exact: Tree<Holders>,
    /// By the suffix read backwards; the empty one is every name's.
    suffixes: Tree<Holders>,
    /// How many of the certificates ask for one of the client's.
    asking: usize,
}

/// Who has a name, by id: the first one is shown.
#[derive(Debug, Clone)]
struct Holders {
    /// Length of the suffix.
    length: usize,
    all: Vec<Arc<Ssl>>,
}

/// A name as it is compared: in lower case, and without the dot at its end.
#[must_use]
pub fn normal(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

// === impl Name ===

impl Name {
    /// Reads `a.example.com`, `*.example.com` or `*`.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let text = normal(text);
        match text.strip_prefix('*') {
            Some("") => Self::Any,
            Some(suffix) => Self::Suffix(suffix.into()),
            None => Self::Exact(text.into()),
        }
    }

    fn text(&self) -> &str {
        match self {
            Self::Exact(text) | Self::Suffix(text) => text,
            Self::Any => "",
        }
    }
}

// === impl Names ===

impl Names {
    /// The certificate for a name in its normal form: an exact name goes before a wildcard, a longer one before a
    /// shorter one.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Arc<Ssl>> {
        if let Some(holders) = self.exact.get(name.as_bytes()) {
            return holders.all.first();
        }
        if self.suffixes.is_empty() {
            return None;
        }
        let mut found = self.suffixes.prefixes(&backwards(name));
        while let Some(holders) = found.pop() {
            let before = &name[..name.len() - holders.length];
            // The certificate says no more than one label for its star.
            if holders.length == 0 || !before.contains('.') {
                return holders.all.first();
            }
        }
        None
    }

    /// Whether some name's clients are asked for certificates.
    #[must_use]
    pub fn asks_clients(&self) -> bool {
        self.asking > 0
    }

    /// Takes the names of a certificate in.
    pub fn insert(&mut self, ssl: &Arc<Ssl>) {
        let Some(server) = ssl.server() else { return };
        self.asking += usize::from(server.clients.is_some() && !server.names.is_empty());
        for name in &server.names {
            self.update(name, |all| {
                let at = all.partition_point(|other| other.id < ssl.id);
                all.insert(at, ssl.clone());
            });
        }
    }

    /// Takes them out.
    pub fn remove(&mut self, ssl: &Arc<Ssl>) {
        let Some(server) = ssl.server() else { return };
        self.asking -= usize::from(server.clients.is_some() && !server.names.is_empty());
        for name in &server.names {
            self.update(name, |all| all.retain(|other| other.id != ssl.id));
        }
    }

    fn update(&mut self, name: &Name, change: impl FnOnce(&mut Vec<Arc<Ssl>>)) {
        let text = name.text();
        let change = |slot: &mut Option<Holders>| {
            let holders = slot.get_or_insert_with(|| Holders { length: text.len(), all: Vec::new() });
            change(&mut holders.all);
            if holders.all.is_empty() {
                *slot = None;
            }
        };
        match name {
            Name::Exact(_) => self.exact.update(text.as_bytes(), change),
            Name::Suffix(_) | Name::Any => self.suffixes.update(&backwards(text), change),
        }
    }
}

fn backwards(text: &str) -> Vec<u8> {
    text.bytes().rev().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::compile::tests::{put, snapshot};
    use crate::tls::Name;
    use crate::tls::certificate::tests::made;

    #[test]
    fn names_are_read() {
        let cases = [
            ("A.com", Name::Exact("a.com".into())),
            ("a.com.", Name::Exact("a.com".into())),
            ("*.A.com", Name::Suffix(".a.com".into())),
            ("*a.com", Name::Suffix("a.com".into())),
            ("*", Name::Any),
        ];
        for (text, expected) in cases {
            assert_eq!(Name::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn exact_goes_before_wildcard_and_longer_before_shorter() {
        let (cert, key) = made("x");
        let ssl = |id, names: &[&str], status| {
            put("ssls", id, 1, &json!({"snis": names, "cert": cert, "key": key, "status": status}))
        };
        let snapshot = snapshot(vec![
            ssl("exact", &["a.b.com", "b.com"], 1),
            ssl("wild", &["*.b.com", "*.c.com"], 1),
            ssl("wild2", &["*.b.com"], 1),
            ssl("deep", &["*.x.b.com"], 1),
            ssl("part", &["*part.org"], 1),
            ssl("off", &["off.com"], 0),
        ]);
        let cases = [
            ("a.b.com", Some("exact")),
            ("b.com", Some("exact")),
            ("z.b.com", Some("wild")),
            ("z.x.b.com", Some("deep")),
            ("x.b.com", Some("wild")),
            ("y.z.b.com", None),
            ("apart.org", Some("part")),
            ("part.org", Some("part")),
            ("a.part.org", None),
            ("com", None),
            ("off.com", None),
        ];
        let found = |name: &str| snapshot.certificates.find(name).map(|ssl| &*ssl.id);
        for (name, expected) in cases {
            assert_eq!(found(name), expected, "{name}");
        }
    }

    #[test]
    fn a_star_takes_what_is_left_and_changes_are_followed() {
        let (cert, key) = made("x");
        let ssl = |id, name: &str| put("ssls", id, 1, &json!({"sni": name, "cert": cert, "key": key}));
        let mut compiler = crate::compile::Compiler::new("/apisix/");
        let snapshot = compiler.apply([ssl("1", "*"), ssl("2", "a.com"), ssl("3", "*.a.com")], 1);
        let found = |snapshot: &crate::snapshot::Snapshot, name: &str| {
            snapshot.certificates.find(name).map(|ssl| ssl.id.to_string())
        };
        assert_eq!(found(&snapshot, "q.org").as_deref(), Some("1"));
        assert_eq!(found(&snapshot, "a.com").as_deref(), Some("2"));
        // A wildcard that does not reach this far leaves the name to the star.
        assert_eq!(found(&snapshot, "x.y.a.com").as_deref(), Some("1"));
        let deleted = crate::compile::Change::Delete("ssls/1".into());
        let next = compiler.apply([ssl("2", "b.com"), deleted], 2);
        assert_eq!(found(&next, "q.org"), None);
        assert_eq!(found(&next, "a.com"), None);
        assert_eq!(found(&next, "b.com").as_deref(), Some("2"));
        assert_eq!(found(&snapshot, "a.com").as_deref(), Some("2"), "the one before is as it was");
    }
}
