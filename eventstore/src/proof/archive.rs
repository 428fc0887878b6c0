//! A bundle as one stream: a tar archive (ustar) of its files and nothing else. `tar -x` reads it, too.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::export;

const BLOCK: usize = 512;
/// What ends an archive.
pub const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];
/// Largest size that a header can say: eleven octal digits.
const LARGEST: usize = 0o77_777_777_777;
/// Where a header has its checksum.
const CHECKSUM: std::ops::Range<usize> = 148..156;

/// A file of the archive: its header, its content, and zeroes up to the next block. `at` is its time in seconds since 1970.
pub fn member(file: &export::File, at: i64) -> Vec<u8> {
    let size = file.content.len();
    debug_assert!(size <= LARGEST, "a part of a bundle is some megabytes");
    let mut out = Vec::with_capacity(BLOCK + size + padding(size));
    out.extend_from_slice(&header(&file.name, size, at));
    out.extend_from_slice(&file.content);
    out.resize(BLOCK + size + padding(size), 0);
    out
}

fn header(name: &str, size: usize, at: i64) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, name.as_bytes());
    put(100, b"0000600\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{size:011o}\0").as_bytes());
    put(136, format!("{:011o}\0", at.max(0)).as_bytes());
    put(156, b"0");
    put(257, b"ustar\x0000");
    let sum = checksum(&block);
    block[CHECKSUM].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

/// The sum of a header's bytes, its own place taken as spaces.
fn checksum(block: &[u8; BLOCK]) -> u32 {
    let byte = |(at, byte): (usize, &u8)| if CHECKSUM.contains(&at) { u32::from(b' ') } else { u32::from(*byte) };
    block.iter().enumerate().map(byte).sum()
}

fn padding(size: usize) -> usize {
    size.next_multiple_of(BLOCK) - size
}

/// Writes the files of an archive into a folder while it comes in. It takes what [`member`] makes and refuses everything else: who sends
/// the archive may not choose where its files go.
pub struct Unpacker {
    folder: PathBuf,
    /// A header that is not complete.
    head: Vec<u8>,
    /// The file that is being written: what is still missing of it, and the zeroes after it.
    file: Option<(File, usize)>,
    skip: usize,
    files: usize,
    ended: bool,
}

// === impl Unpacker ===

impl Unpacker {
    /// Makes the folder; it must not exist, or be empty.
    ///
    /// # Errors
    /// When it can't be made, or holds something.
    pub fn new(folder: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        if std::fs::read_dir(folder)?.next().is_some() {
            return Err(io::ErrorKind::DirectoryNotEmpty.into());
        }
        let folder = folder.to_owned();
        Ok(Self { folder, head: Vec::with_capacity(BLOCK), file: None, skip: 0, files: 0, ended: false })
    }

    /// Number of files that are complete.
    pub fn files(&self) -> usize {
        self.files
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// When they are no such archive, or a file can't be written.
    pub fn feed(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            if let Some((file, missing)) = &mut self.file {
                let (own, rest) = bytes.split_at(bytes.len().min(*missing));
                file.write_all(own)?;
                *missing -= own.len();
                bytes = rest;
                if *missing == 0 {
                    file.sync_all()?;
                    self.file = None;
                    self.files += 1;
                }
            } else if self.skip > 0 {
                let skipped = bytes.len().min(self.skip);
                self.skip -= skipped;
                bytes = &bytes[skipped..];
            } else {
                let (own, rest) = bytes.split_at(bytes.len().min(BLOCK - self.head.len()));
                self.head.extend_from_slice(own);
                bytes = rest;
                if self.head.len() == BLOCK {
                    self.begin()?;
                    self.head.clear();
                }
            }
        }
        Ok(())
    }

    /// The end of the bytes.
    ///
    /// # Errors
    /// When the archive has not ended: it was cut off.
    pub fn finish(self) -> io::Result<()> {
        if self.ended && self.file.is_none() { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }

    /// Reads the header that is complete.
    fn begin(&mut self) -> io::Result<()> {
        let foreign = || io::Error::new(io::ErrorKind::InvalidData, "this is no archive of a bundle");
        let block: &[u8; BLOCK] = self.head.as_slice().try_into().map_err(|_| foreign())?;
        if block.iter().all(|byte| *byte == 0) {
            self.ended = true;
            return Ok(());
        }
        let octal = |field: &[u8]| {
            let digits = std::str::from_utf8(field).ok()?.trim_end_matches(['\0', ' ']);
            usize::from_str_radix(digits, 8).ok()
        };
        let sum = octal(&block[CHECKSUM]).ok_or_else(foreign)?;
        let name = block[..100].split(|byte| *byte == 0).next().and_then(|name| std::str::from_utf8(name).ok());
        let name = name.filter(|name| is_name(name)).ok_or_else(foreign)?;
        let (size, plain) = (octal(&block[124..136]).ok_or_else(foreign)?, block[156] == b'0' && block[345] == 0);
        if self.ended || !plain || u32::try_from(sum).ok() != Some(checksum(block)) {
            return Err(foreign());
        }
        // It holds what the log holds: nobody else's business.
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(self.folder.join(name))?;
        match size {
            0 => self.files += 1,
            _ => self.file = Some((file, size)),
        }
        self.skip = padding(size);
        Ok(())
    }
}

/// Whether files of a bundle have such names.
fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    !name.is_empty() && !name.starts_with('.') && name.chars().all(plain)
}

#[cfg(test)]
mod tests;
