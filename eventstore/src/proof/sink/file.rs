//! An append-only file of notes.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::proof::Checkpoint;
use crate::proof::checkpoint::{notes_of, to_file};
use crate::proof::error::Error;

/// Size of the last checkpoint in the file; 0 when there is none.
pub(super) async fn taken(path: PathBuf) -> Result<i64, Error> {
    blocking(path, |path| {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            Err(error) => return Err(error),
        };
        let size = |note: &String| Some(Checkpoint::parse(&note[..=note.rfind("\n\n")?])?.size);
        let last = |text: &str| notes_of(text).iter().filter_map(size).max().unwrap_or(0);
        let mut end = text.len();
        if !text.is_empty() && !text.ends_with("\n\n") {
            // A crash cut the last note off. It is written again, after what is whole; where the file can't be shortened (chattr +a),
            // in a new paragraph.
            end = text
                .rmatch_indices("\n\n")
                .map(|(at, _)| at + 2)
                .find(|at| !text[*at..].starts_with('\u{2014}'))
                .unwrap_or(0);
            let shortened = OpenOptions::new().write(true).open(path).and_then(|file| file.set_len(end as u64));
            if shortened.is_err() {
                append_now(path, "\n\n")?;
            }
        }
        Ok(i64::try_from(last(&text[..end])).unwrap_or(i64::MAX))
    })
    .await
}

/// Appends a note and flushes it to the disk.
pub(super) async fn append(path: PathBuf, note: String) -> Result<(), Error> {
    blocking(path, move |path| append_now(path, &to_file(&note))).await
}

fn append_now(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).mode(0o644).open(path)?;
    // One write, so that a note is there whole or, after a crash, cut off at its end.
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

async fn blocking<T: Send + 'static>(
    path: PathBuf,
    work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
) -> Result<T, Error> {
    let own = path.clone();
    let done = tokio::task::spawn_blocking(move || work(&own)).await.map_err(io::Error::other).flatten();
    done.map_err(|source| Error::File { path, source })
}
