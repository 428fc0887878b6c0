//! Settings: a YAML file, then the environment, then `--set`; later wins.
//!
//! `PORTOLAN_<SECTION>__<KEY>=text` and `--set section.key=text` both set one scalar, read as YAML would
//! read it, except that a setting that is a text takes it as it stands. A text that starts with `[` or
//! `{` is read as a YAML list or mapping. List items are named by their number: `admin.keys.0.role`.
//! Environment names without a double underscore are not settings.

use std::path::PathBuf;

use serde::de::DeserializeOwned;

mod de;
mod error;
mod locate;
mod overlay;
#[cfg(test)]
mod tests;
mod tree;

pub use error::Error;

/// Where the settings of a process come from.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The YAML file.
    pub file: Option<PathBuf>,
    /// The texts of `--set`, in their order.
    pub sets: Vec<String>,
    /// The environment; [`Sources::new`] takes the one of the process.
    pub env: Vec<(String, String)>,
}

// === impl Sources ===

impl Sources {
    /// The file, the process's environment and the texts of `--set`.
    pub fn new(file: Option<PathBuf>, sets: Vec<String>) -> Self {
        // Names and values that are not UTF-8 cannot be settings.
        let env = std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)));
        Self { file, sets, env: env.collect() }
    }
}

/// Reads and merges the settings. The caller exits with 64 on an error, whose text is one line.
pub fn load<T: DeserializeOwned>(sources: &Sources) -> Result<T, Error> {
    let text = match &sources.file {
        Some(path) => Some(std::fs::read_to_string(path).map_err(|reason| Error::Read { path: path.clone(), reason })?),
        None => None,
    };
    let file = sources.file.as_deref().zip(text.as_deref());
    let mut root = match file {
        Some((path, text)) => tree::parse(text).map_err(|reason| error::syntax(path, &reason))?,
        None => tree::Node::empty(),
    };
    overlay::apply(&mut root, &sources.env, &sources.sets)?;
    de::read(&root).map_err(|wrong| error::place(&root, file, wrong))
}
