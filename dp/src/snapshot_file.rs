//! The last configuration on disk, sealed with a key that only this instance has. See
//! `docs/decisions/0003-snapshot-sealing.md`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::store::Store;

mod encoding;
mod seal;
#[cfg(test)]
mod tests;

pub use seal::{Key, KeyError};

/// The file.
#[derive(Debug, Clone)]
pub struct SnapshotFile {
    path: PathBuf,
    prefix: Box<str>,
}

/// Why there is no configuration on disk.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no file yet.
    #[error("there is no snapshot yet")]
    Missing,
    /// It cannot be read or written.
    #[error("the snapshot cannot be {0}: {1}")]
    Io(&'static str, io::Error),
    /// Not a snapshot, or of a later version.
    #[error("the file is not a snapshot of a version that this program reads")]
    Format,
    /// Cut off, changed, or sealed with another key.
    #[error("the snapshot is damaged, or was made with another private key")]
    Sealed,
    /// Of another prefix.
    #[error("the snapshot is of the prefix {0}")]
    Prefix(String),
}

// === impl SnapshotFile ===

impl SnapshotFile {
    /// The file at this path, for keys under this prefix.
    #[must_use]
    pub fn new(path: PathBuf, prefix: &str) -> Self {
        Self { path, prefix: prefix.into() }
    }

    /// Reads it.
    pub fn load(&self, key: &Key) -> Result<Store, Error> {
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Error::Missing),
            Err(error) => return Err(Error::Io("read", error)),
        };
        let plain = seal::open(key, bytes)?;
        let (prefix, store) = encoding::decode(&plain).ok_or(Error::Format)?;
        if prefix != &*self.prefix {
            return Err(Error::Prefix(prefix.to_owned()));
        }
        Ok(store)
    }

    /// Replaces it. Whatever happens meanwhile, what stands at the path is the old one or the new one, whole:
    ///
    /// ```text
    /// write temporary file (0600) → fsync → rename over the old one → fsync the directory
    /// ```
    pub fn save(&self, key: &Key, store: &Store) -> Result<(), Error> {
        let sealed = seal::seal(key, encoding::encode(&self.prefix, store))?;
        self.replace(&sealed).map_err(|error| Error::Io("written", error))
    }

    fn replace(&self, bytes: &[u8]) -> io::Result<()> {
        let directory = match self.path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        fs::create_dir_all(directory)?;
        let mut temporary = self.path.clone().into_os_string();
        temporary.push(".new");
        // A process that was killed while writing left this behind; it may even have other permissions.
        match fs::remove_file(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        drop(file);
        fs::rename(&temporary, &self.path)?;
        File::open(directory)?.sync_all()
    }
}
