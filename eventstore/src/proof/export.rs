//! Writes a bundle: a range of the log with everything that proves it, file by file.
//!
//! A bundle holds personal data and the values of all changes, as the log does. Recording that somebody took one comes first:
//! [`record`], then [`Export`].

use std::path::Path;

use super::bundle::{self, ACCOUNTS, Account, CHECKPOINTS, HEADER, Header, Line, Opening};
use super::checkpoint;
use super::error::Error;
use super::log::{Log, text_of, unsigned};
use super::pages::Pages;
use super::parallel::blocking;
use super::range;
use crate::backend::evidence::EventEvidence;
use crate::proposal::{Appended, Context, Intent, Proposal};
use crate::store::EventStore;

/// A part is closed when it has so many events, or a page more; it is held in memory while it is made.
const PART_EVENTS: i64 = 4_096;
/// The same in bytes.
const PART_BYTES: usize = 16 * 1024 * 1024;
/// Checkpoints per read.
const CHECKPOINT_PAGE: i64 = 1_000;

/// Which revisions; `None` = from the first, to the last that a checkpoint covers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// First revision.
    pub from: Option<i64>,
    /// Last revision.
    pub to: Option<i64>,
}

/// A file of the bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its name; bundles have no folders.
    pub name: String,
    /// What is in it.
    pub content: Vec<u8>,
}

/// A bundle being made.
pub struct Export {
    header: Header,
    /// Files that are ready, the next one last.
    ready: Vec<File>,
    pages: Pages,
    /// Next revision to write.
    next: i64,
}

/// Records that the log is exported, as event `audit.export`. Answers its revision.
///
/// # Errors
/// When the log does not take the event: then nothing may be given out.
pub async fn record(store: &EventStore, context: Context, range: Range) -> Result<i64, crate::Error> {
    let name = |bound: Option<i64>| bound.map_or_else(|| "-".to_owned(), |revision| revision.to_string());
    let resource = format!("{}..{}", name(range.from), name(range.to));
    let proposal = Proposal::new(context, "audit.export", Intent::Record).on("log", resource);
    Ok(match store.append(proposal).await? {
        Appended::Committed { revision, .. } | Appended::Unchanged { revision, .. } => revision,
        Appended::Refused { revision, .. } => revision,
    })
}

// === impl Export ===

impl Export {
    /// Plans a bundle.
    ///
    /// # Errors
    /// When no checkpoint covers the range yet, or the log can't be read.
    pub async fn new(log: &Log, range: Range) -> Result<Self, Error> {
        let last = log.backend().checkpoint_last().await?.ok_or(Error::NoCheckpoint)?;
        let (from, to) = (range.from.unwrap_or(1), range.to.unwrap_or(last.size));
        if from < 1 || from > to || to > last.size {
            return Err(Error::Range { from, to, covered: last.size });
        }
        let mut notes = Vec::new();
        let mut next = (from - 1).max(1);
        let covering = loop {
            let page = log.backend().checkpoints(next, CHECKPOINT_PAGE).await?;
            let end = page.iter().position(|checkpoint| checkpoint.size >= to);
            notes.extend(page.iter().take(end.map_or(page.len(), |end| end + 1)).map(|stored| stored.note.clone()));
            match (end, page.last()) {
                (Some(end), _) => break page[end].clone(),
                (None, Some(last)) => next = last.size + 1,
                (None, None) => return Err(Error::NoCheckpoint),
            }
        };
        // What accounts for missing payloads may have come long after them: the tree must be large enough to hold it.
        let deeds = log.backend().accounts().await?;
        let newest = deeds.last().map_or(0, |deed| deed.revision);
        let covering = if covering.size < newest {
            let found = log.backend().checkpoints(newest, 1).await?.pop();
            let found = found.ok_or(Error::Range { from: newest, to: newest, covered: last.size })?;
            notes.push(found.note.clone());
            found
        } else {
            covering
        };
        let covered = text_of(&covering)?;
        let (before, size) = (unsigned(from - 1), unsigned(covering.size));
        let hashes = async |leaves| {
            let hashes = log.tree().nodes(&range::cover(leaves)).await?;
            Ok::<_, Error>(hashes.iter().map(hex::encode).collect::<Vec<_>>())
        };
        let header = Header {
            format: bundle::FORMAT,
            origin: covered.origin,
            epoch: log.backend().head().await?.epoch,
            from,
            to,
            tree_size: covering.size,
            left: hashes(0..before).await?,
            right: hashes(unsigned(to)..size).await?,
        };
        let checkpoints = notes.iter().map(|note| checkpoint::to_file(note)).collect::<String>();
        let mut accounts = Vec::new();
        for deed in deeds {
            let path = log.inclusion(deed.revision, covering.size).await?.iter().map(hex::encode).collect();
            let entry = String::from_utf8_lossy(&deed.entry).into_owned();
            accounts.append(&mut json_line(&Account { entry, path }));
        }
        let ready = vec![
            File { name: ACCOUNTS.into(), content: accounts },
            File { name: CHECKPOINTS.into(), content: checkpoints.into_bytes() },
            File { name: HEADER.into(), content: json_line(&header) },
        ];
        Ok(Self { header, ready, pages: Pages::new(log, from - 1, to), next: from })
    }

    /// First and last revision of the bundle.
    pub fn range(&self) -> (i64, i64) {
        (self.header.from, self.header.to)
    }

    /// The next file; `None` when the bundle is complete.
    ///
    /// # Errors
    /// When the log can't be read, or has a hole.
    pub async fn next(&mut self) -> Result<Option<File>, Error> {
        if self.ready.is_empty() && self.next <= self.header.to {
            self.part().await?;
        }
        Ok(self.ready.pop())
    }

    /// Writes all files into a folder that is made for them.
    ///
    /// # Errors
    /// When the folder exists and is not empty, or can't be written, or the log can't be read.
    pub async fn write(mut self, folder: &Path) -> Result<(), Error> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| Error::File { path, source }
        };
        tokio::fs::create_dir_all(folder).await.map_err(failed(folder))?;
        let mut entries = tokio::fs::read_dir(folder).await.map_err(failed(folder))?;
        if entries.next_entry().await.map_err(failed(folder))?.is_some() {
            return Err(failed(folder)(std::io::Error::from(std::io::ErrorKind::DirectoryNotEmpty)));
        }
        while let Some(file) = self.next().await? {
            let path = folder.join(&file.name);
            let mut options = tokio::fs::OpenOptions::new();
            // It holds what the log holds: nobody else's business.
            let mut out = options.write(true).create_new(true).mode(0o600).open(&path).await.map_err(failed(&path))?;
            tokio::io::AsyncWriteExt::write_all(&mut out, &file.content).await.map_err(failed(&path))?;
            out.sync_all().await.map_err(failed(&path))?;
        }
        Ok(())
    }

    async fn part(&mut self) -> Result<(), Error> {
        let first = self.next;
        let last = self.header.to.min(first + PART_EVENTS - 1);
        let (mut entries, mut payloads) = (Vec::new(), Vec::new());
        while self.next <= last && entries.len() + payloads.len() < PART_BYTES {
            let page = self.pages.next().await?;
            let fitting =
                page.iter().zip(self.next..).take_while(|(event, next)| event.columns.revision == *next).count();
            self.next += i64::try_from(fitting).unwrap_or(0);
            if fitting == 0 || fitting < page.len() {
                return Err(crate::Error::Corrupt(format!("revision {} is missing", self.next)).into());
            }
            let mut lines = self.pages.beside(blocking(move || lines(&page))).await?;
            entries.append(&mut lines.0);
            payloads.append(&mut lines.1);
        }
        let (entries_name, payloads_name) = bundle::part(first);
        self.ready =
            vec![File { name: payloads_name, content: payloads }, File { name: entries_name, content: entries }];
        Ok(())
    }
}

/// The lines of both files of a part.
fn lines(page: &[EventEvidence]) -> (Vec<u8>, Vec<u8>) {
    let (mut entries, mut payloads) = (Vec::new(), Vec::new());
    for event in page {
        payloads.append(&mut json_line(&line(event)));
        entries.extend_from_slice(&event.entry);
        entries.push(b'\n');
    }
    (entries, payloads)
}

fn line(event: &EventEvidence) -> Line<'static> {
    // Bytes that are no UTF-8 were not written by us: replaced here, they don't open the commitment, as they should not.
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned().into();
    let opening = |salt: &[u8], payload: &[u8]| Opening { salt: hex::encode(salt), payload: text(payload) };
    Line {
        revision: event.columns.revision,
        leaf: hex::encode(&event.leaf_hash),
        context: event.context.as_ref().map(|(salt, body)| opening(salt, body)),
        changes: event.opened_changes().as_ref().map(|(salt, payload)| opening(salt, payload)),
    }
}

fn json_line(value: &impl serde::Serialize) -> Vec<u8> {
    let mut line = serde_json::to_vec(value).unwrap_or_default();
    line.push(b'\n');
    line
}
