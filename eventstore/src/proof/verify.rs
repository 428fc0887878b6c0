//! Verifies a bundle: no network, no database, nothing trusted but the keys.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::bundle::{self, ACCOUNTS, Account, CHECKPOINTS, HEADER, Header, Line, Opening};
use super::check::{Checker, Claims, Evidence, Weighed};
use super::checkpoint::notes_of;
use super::error::Error;
use super::log::unsigned;
use super::note::Verifier;
use super::parallel;
use super::range::{self, Node};
use super::report::{Failure, Kind, Progress, Report, Verdict};
use super::trusted::Roots;
use crate::entry;
use crate::merkle::{self, Frontier, Hash};
use crate::retention::accounts::{Accounts, Deed};

/// Verifies the bundle in a folder. `held` are further notes that the auditor has kept: those within the range must be met too.
/// `progress` is told the last revision that was checked, now and then.
///
/// # Errors
/// When the folder can't be read at all; whatever is wrong with what is in it is a verdict.
pub fn verify(folder: &Path, keys: &[Verifier], held: &[String], progress: Progress<'_>) -> Result<Verdict, Error> {
    fs::read_dir(folder).map_err(|source| Error::File { path: folder.to_owned(), source })?;
    Ok(match run(folder, keys, held, progress) {
        Ok(report) => Verdict::Ok(report),
        Err(failure) => Verdict::Fail(failure),
    })
}

fn run(folder: &Path, keys: &[Verifier], held: &[String], progress: Progress<'_>) -> Result<Report, Failure> {
    let header: Header = serde_json::from_slice(&read(folder, HEADER)?).map_err(|error| bad(HEADER, error))?;
    if header.format != bundle::FORMAT {
        return Err(bad(HEADER, format!("format {} is not known", header.format)));
    }
    if header.from < 1 || header.from > header.to || header.to > header.tree_size {
        return Err(bad(HEADER, "the range is none"));
    }
    let notes = String::from_utf8(read(folder, CHECKPOINTS)?).map_err(|error| bad(CHECKPOINTS, error))?;
    let notes = notes_of(&notes);
    let own = Roots::open(notes.iter().map(String::as_str), keys)?;
    if own.origin != header.origin || own.last() != header.tree_size {
        let what = format!("no checkpoint of {} of size {}", header.origin, header.tree_size);
        return Err(Failure::of(Kind::Checkpoint, what));
    }
    let all = Roots::open(notes.iter().chain(held).map(String::as_str), keys)?;
    let tree = left(&header)?;
    let mut checker = Checker::new(header.epoch.clone(), tree, all.by_size.clone())?;
    checker.account(accounts(folder, &header, &all)?, i64::MAX);
    while checker.next() <= header.to {
        part(folder, &header, &mut checker)?;
        progress(checker.next() - 1);
    }
    let root = right(&header, checker.tree().clone())?;
    let signed = all.by_size.get(&unsigned(header.tree_size));
    if signed != Some(&root) {
        let what = format!("the range does not lead to the signed root of checkpoint {}", header.tree_size);
        return Err(Failure::between(checker.met() + 1, header.to, what));
    }
    Ok(Report {
        origin: header.origin,
        from: header.from,
        to: header.to,
        tree_size: header.tree_size,
        root: STANDARD.encode(root),
        redacted: checker.redacted,
    })
}

/// The events that account for missing payloads, each of them proven to be in the tree.
fn accounts(folder: &Path, header: &Header, roots: &Roots) -> Result<Accounts, Failure> {
    let mut accounts = Accounts::default();
    let size = unsigned(header.tree_size);
    let root = roots.by_size.get(&size).ok_or_else(|| bad(ACCOUNTS, "there is no root to prove them by"))?;
    for line in lines(&read(folder, ACCOUNTS)?) {
        let account: Account = serde_json::from_slice(line).map_err(|error| bad(ACCOUNTS, error))?;
        let claims: Claims = serde_json::from_str(&account.entry).map_err(|error| bad(ACCOUNTS, error))?;
        let hash = |text: &String| hex::decode(text).ok()?.try_into().ok();
        let path: Option<Vec<Hash>> = account.path.iter().map(hash).collect();
        let path = path.ok_or_else(|| bad(ACCOUNTS, "a hash is none"))?;
        let leaf = merkle::leaf_hash(account.entry.as_bytes());
        if claims.revision < 1 || !range::check_inclusion(&leaf, unsigned(claims.revision - 1), size, &path, root) {
            return Err(bad(ACCOUNTS, format!("revision {} is not in the signed tree", claims.revision)));
        }
        let deed = Deed::of(&claims).filter(|_| claims.format == entry::FORMAT);
        let deed = deed.ok_or_else(|| bad(ACCOUNTS, format!("revision {} accounts for nothing", claims.revision)))?;
        accounts.add(claims.revision, deed);
    }
    Ok(accounts)
}

/// Checks the events of the part that begins with the next revision.
fn part(folder: &Path, header: &Header, checker: &mut Checker) -> Result<(), Failure> {
    let first = checker.next();
    let (entries_name, payloads_name) = bundle::part(first);
    let gap = |checker: &Checker| Failure::at(checker.next(), Kind::Gap, "the bundle does not hold this revision");
    if !folder.join(&entries_name).exists() || !folder.join(&payloads_name).exists() {
        return Err(gap(checker));
    }
    let (entries, payloads) = (read(folder, &entries_name)?, read(folder, &payloads_name)?);
    let (entries, payloads): (Vec<_>, Vec<_>) = (lines(&entries).collect(), lines(&payloads).collect());
    let pairs: Vec<_> = entries.iter().zip(&payloads).collect();
    let events = parallel::map(&pairs, |(entry, payload)| weigh(entry, payload));
    for event in events {
        if checker.next() > header.to {
            return Err(Failure::of(Kind::Bundle, format!("{entries_name} goes on after revision {}", header.to)));
        }
        let event = event.map_err(|what| Failure::at(checker.next(), Kind::Bundle, what))?;
        checker.event(event.revision, &event.leaf_hash, &event.weighed)?;
    }
    let whole = entries.len() == payloads.len() && checker.next() > first;
    if whole { Ok(()) } else { Err(gap(checker)) }
}

/// Two lines that belong together.
struct Event {
    revision: i64,
    leaf_hash: Vec<u8>,
    weighed: Weighed,
}

/// Reads both and looks at the event by itself; or says what is damaged.
fn weigh(entry: &[u8], payload: &[u8]) -> Result<Event, String> {
    let line: Line<'_> =
        serde_json::from_slice(payload).map_err(|error| format!("the payload line can't be read: {error}"))?;
    let bytes = |text: &str| hex::decode(text).map_err(|_| "a hash or salt is no hex".to_owned());
    let leaf_hash = bytes(&line.leaf)?;
    let salt = |opening: &Option<Opening<'_>>| opening.as_ref().map(|opening| bytes(&opening.salt)).transpose();
    let (context, changes) = (salt(&line.context)?, salt(&line.changes)?);
    let evidence = Evidence {
        entry,
        context: line
            .context
            .as_ref()
            .zip(context.as_deref())
            .map(|(opening, salt)| (salt, opening.payload.as_bytes())),
        changes: line
            .changes
            .as_ref()
            .zip(changes.as_deref())
            .map(|(opening, salt)| (salt, opening.payload.as_bytes())),
    };
    Ok(Event { revision: line.revision, leaf_hash, weighed: evidence.weigh() })
}

/// The tree before the range.
fn left(header: &Header) -> Result<Frontier, Failure> {
    let before = unsigned(header.from - 1);
    let hashes = hashes(&header.left, &range::cover(0..before))?;
    range::frontier(before, &hashes).ok_or_else(|| bad(HEADER, "the hashes on the left are not those of the range"))
}

/// The root, with what comes after the range.
fn right(header: &Header, mut tree: Frontier) -> Result<Hash, Failure> {
    let cover = range::cover(unsigned(header.to)..unsigned(header.tree_size));
    for (node, hash) in cover.iter().zip(hashes(&header.right, &cover)?) {
        tree.push_subtree(node.level, hash);
    }
    Ok(tree.root())
}

fn hashes(texts: &[String], cover: &[Node]) -> Result<Vec<Hash>, Failure> {
    if texts.len() != cover.len() {
        return Err(bad(HEADER, format!("{} hashes where {} are needed", texts.len(), cover.len())));
    }
    let hash = |text: &String| hex::decode(text).ok()?.try_into().ok();
    texts.iter().map(|text| hash(text).ok_or_else(|| bad(HEADER, "a hash is none"))).collect()
}

/// Lines end with a newline byte and nothing else; what follows the last one is a line too.
fn lines(file: &[u8]) -> impl Iterator<Item = &[u8]> {
    let whole = file.strip_suffix(b"\n").unwrap_or(file);
    whole.split(|byte| *byte == b'\n').filter(move |_| !file.is_empty())
}

fn read(folder: &Path, name: &str) -> Result<Vec<u8>, Failure> {
    fs::read(folder.join(name)).map_err(|error| bad(name, error))
}

fn bad(name: &str, why: impl std::fmt::Display) -> Failure {
    Failure::of(Kind::Bundle, format!("{name}: {why}"))
}
