//! C2SP checkpoints: the head of the tree as the text of a signed note, and files of them.
//!
//! Specification: <https://c2sp.org/tlog-checkpoint>.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::note::{self, Signer, Verifier};
use crate::merkle::Hash;

/// The head of the tree at a size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Identity of the log.
    pub origin: String,
    /// Number of leaves, which is the last revision covered.
    pub size: u64,
    /// RFC 6962 root.
    pub root: Hash,
}

// === impl Checkpoint ===

impl Checkpoint {
    /// The text to sign.
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root))
    }

    /// Reads a text; extension lines are passed over.
    pub fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let (origin, size, root) = (lines.next()?, lines.next()?, lines.next()?);
        if origin.is_empty() || lines.any(str::is_empty) {
            return None;
        }
        let parsed: u64 = size.parse().ok()?;
        let root: Hash = STANDARD.decode(root).ok()?.try_into().ok()?;
        // No sign, no leading zeroes.
        (parsed.to_string() == size).then(|| Self { origin: origin.to_owned(), size: parsed, root })
    }

    /// The signed note. The signer's name is the origin.
    pub fn sign(signer: &Signer, size: u64, root: Hash) -> (Self, String) {
        let checkpoint = Self { origin: signer.name().to_owned(), size, root };
        let note = signer.sign(&checkpoint.text());
        (checkpoint, note)
    }

    /// Reads a note that a trusted key has signed under the log's own name.
    ///
    /// # Errors
    /// When it is not signed so, or its text is no checkpoint.
    pub fn open(note: &str, trusted: &[Verifier]) -> Result<Self, note::Error> {
        let checkpoint = Self::parse(note::open(note, trusted)?).ok_or(note::Error::Note)?;
        // A key signs for the log that it is named after, and for no other.
        let own: Vec<Verifier> = trusted.iter().filter(|key| key.name() == checkpoint.origin).cloned().collect();
        note::open(note, &own)?;
        Ok(checkpoint)
    }
}

/// Writes a note for a file of notes: an empty line ends it.
pub(crate) fn to_file(note: &str) -> String {
    format!("{note}\n")
}

/// The notes of a file, in order. Text without a signature paragraph after it (a write that a crash cut off) is passed over.
pub fn notes_of(file: &str) -> Vec<String> {
    let paragraphs: Vec<&str> = file.split("\n\n").map(|paragraph| paragraph.trim_matches('\n')).collect();
    let signed = |pair: &&[&str]| pair[1].starts_with('\u{2014}') && !pair[0].starts_with('\u{2014}');
    paragraphs.windows(2).filter(signed).map(|pair| format!("{}\n\n{}\n", pair[0], pair[1])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the C2SP specification.
    const PUBLISHED: &str = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";

    #[test]
    fn the_published_text_is_read_and_written() {
        let checkpoint = Checkpoint::parse(PUBLISHED).unwrap();
        assert_eq!((checkpoint.origin.as_str(), checkpoint.size), ("example.com/behind-the-sofa", 20_852_163));
        assert_eq!(checkpoint.text(), PUBLISHED);
        assert_eq!(Checkpoint::parse(&format!("{PUBLISHED}extension\n")), Some(checkpoint));
    }

    #[test]
    fn what_is_no_checkpoint_is_refused() {
        let root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
        for bad in [
            format!("o\n1\n{root}"),
            format!("\n1\n{root}\n"),
            format!("o\n01\n{root}\n"),
            format!("o\n+1\n{root}\n"),
            format!("o\n-1\n{root}\n"),
            format!("o\n99999999999999999999\n{root}\n"),
            format!("o\n1\n{root}\n\n"),
            "o\n1\nAAAA\n".to_owned(),
            "o\n1\n".to_owned(),
        ] {
            assert_eq!(Checkpoint::parse(&bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_key_signs_for_its_own_log_only() {
        let (pkcs8, vkey) = Signer::generate("example.com/a").unwrap();
        let (signer, keys) = (Signer::from_pkcs8(&pkcs8, "example.com/a").unwrap(), [Verifier::parse(&vkey).unwrap()]);
        let (checkpoint, note) = Checkpoint::sign(&signer, 7, [1; 32]);
        assert_eq!(Checkpoint::open(&note, &keys).unwrap(), checkpoint);
        let foreign = signer.sign(&Checkpoint { origin: "example.com/b".into(), ..checkpoint }.text());
        assert_eq!(Checkpoint::open(&foreign, &keys), Err(note::Error::Untrusted));
    }

    #[test]
    fn a_file_of_notes_survives_a_torn_write() {
        let (pkcs8, _) = Signer::generate("o").unwrap();
        let signer = Signer::from_pkcs8(&pkcs8, "o").unwrap();
        let notes: Vec<String> = (1..4).map(|size| Checkpoint::sign(&signer, size, [0; 32]).1).collect();
        let whole: String = notes.iter().map(|note| to_file(note)).collect();
        assert_eq!(notes_of(&whole), notes);
        let torn = format!("{}o\n2\nAAAA\n\n{}", to_file(&notes[0]), to_file(&notes[2]));
        assert_eq!(notes_of(&torn), [notes[0].clone(), notes[2].clone()]);
        assert!(notes_of("").is_empty());
    }
}
