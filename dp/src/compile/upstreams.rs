//! Compiles upstreams, and finds the one that a resource names; notes whose nodes are checked.

use std::sync::Arc;

use portolan_model::{self as model, Kind};

use super::{Compiler, Name, read};
use crate::resource::{Document, NamedUpstream, Target};
use crate::snapshot::Checked;
use crate::upstream::Upstream;

// === impl Compiler ===

impl Compiler {
    pub(super) fn compile_upstream(&mut self, id: &Arc<str>, document: &Arc<Document>) -> Result<(), String> {
        let parsed: model::Upstream = read(document)?;
        let upstream =
            Arc::new(Upstream::compile(&parsed, &self.place(&format!("upstreams/{id}"))).map_err(|e| e.to_string())?);
        self.set_checker(Kind::Upstream, id, checked(&upstream));
        self.references.set(&(Kind::Upstream, id.clone()), &certificate_of(Some(&parsed)).collect::<Vec<_>>());
        self.snapshot.upstreams.insert(id, Arc::new(NamedUpstream { upstream, document: document.clone() }));
        Ok(())
    }

    /// `None`: the resource names no upstream itself.
    pub(super) fn target(
        &self,
        name: &Name,
        inline: Option<&model::Upstream>,
        id: Option<&model::Id>,
    ) -> Result<Option<Target>, String> {
        if let Some(inline) = inline {
            let resource = format!("{}/{}", name.0.directory(), name.1);
            let upstream = Upstream::compile(inline, &self.place(&resource)).map_err(|e| e.to_string())?;
            return Ok(Some(Target::Upstream(Arc::new(upstream))));
        }
        Ok(id.map(|id| match self.snapshot.upstreams.get(id.as_str().as_bytes()) {
            Some(named) => Target::Upstream(named.upstream.clone()),
            None => Target::MissingUpstream(id.as_str().into()),
        }))
    }

    /// Notes the checks of a resource's own upstream.
    pub(super) fn set_checker(&mut self, kind: Kind, id: &Arc<str>, checker: Option<Arc<Upstream>>) {
        let directory = kind.directory();
        let key = format!("{directory}/{id}");
        if checker.is_none() && self.snapshot.checkers.get(key.as_bytes()).is_none() {
            return;
        }
        let checked = checker.map(|upstream| Checked { directory, id: id.clone(), upstream });
        self.snapshot.checkers.update(key.as_bytes(), |slot| *slot = checked);
    }
}

/// The checks of an upstream that stands in the resource itself.
pub(super) fn checker_of(own: bool, target: &Target) -> Option<Arc<Upstream>> {
    match target {
        Target::Upstream(upstream) if own => checked(upstream),
        _ => None,
    }
}

fn checked(upstream: &Arc<Upstream>) -> Option<Arc<Upstream>> {
    upstream.checker.is_some().then(|| upstream.clone())
}

/// The certificate that an upstream names, as a reference to it.
pub(super) fn certificate_of(upstream: Option<&model::Upstream>) -> impl Iterator<Item = (Kind, &str)> {
    let id = upstream.and_then(|upstream| upstream.tls.as_ref()?.client_cert_id.as_ref());
    id.into_iter().map(|id| (Kind::Ssl, id.as_str()))
}
