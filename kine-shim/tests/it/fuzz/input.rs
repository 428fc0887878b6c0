//! An input, and what changes it.

use super::service::Who;
use crate::json::Dice;

/// Pieces that parsers find interesting.
const PIECES: &[&[u8]] = &[
    // JSON
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b",",
    b"\"",
    b"\\",
    b"null",
    b"true",
    b"false",
    b"0",
    b"-0",
    b"-1",
    b"1e9",
    b"0.5",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"18446744073709551616",
    b"1e400",
    b"\"\\u0000\"",
    b"\\ud800",
    b"\"YQ==\"",
    b"\"YQ\"",
    b"\"AA==\"",
    b"\"L2FwaXNpeC8=\"",
    b"\"L3BvcnRvbGFuLw==\"",
    b"\"key\":",
    b"\"range_end\":",
    b"\"rangeEnd\":",
    b"\"value\":",
    b"\"prev_kv\":true",
    b"\"revision\":",
    b"\"limit\":",
    b"\"lease\":",
    b"\"ID\":",
    b"\"TTL\":",
    b"\"success\":[",
    b"\"failure\":[",
    b"\"compare\":[",
    b"\"request_txn\":{",
    b"\"requestPut\":{",
    b"\"create_request\":{",
    b"\"cancel_request\":{",
    b"\"progress_request\":{}",
    b"\"start_revision\":",
    b"\"watch_id\":",
    b"\"filters\":[0,1]",
    b"\"fragment\":true",
    b"\xef\xbb\xbf",
    b"\xff",
    b"\xc0\x80",
    b"\r\n",
    b"{}{}",
    b" ",
    // protobuf
    b"\x0a\x01a",
    b"\x12\x01\x00",
    b"\x0a\x00",
    b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
    b"\x0a\xff\xff\xff\xff\x0f",
    b"\x0b",
    b"\x0c",
    b"\x0d\0\0\0\0",
    b"\x09\0\0\0\0\0\0\0\0",
    b"\x12\x08/apisix/",
    b"\x0a\x08/apisix/",
    b"\x12\x02\x0a\x00",
    b"\x1a\x04\x1a\x02\x12\x00",
    b"\xf8\xff\xff\xff\x0f\x01",
    b"\0\0\0\0\0",
    b"\x01\0\0\0\0",
    b"\0\xff\xff\xff\xff",
];

/// The most bytes of an input.
const LONGEST: usize = 8 * 1024;

/// One input: whose request of which method, and its body.
#[derive(Clone, Debug)]
pub struct Input {
    /// Chooses the method.
    pub method: u8,
    /// Chooses who asks.
    pub who: u8,
    /// Cut into pieces of this size on the way; 0 = in one.
    pub piece: u8,
    /// Whether the body of a gRPC call is framed as it should be, or is the frames themselves.
    pub raw: bool,
    /// The body.
    pub body: Vec<u8>,
}

impl Input {
    pub fn who(&self) -> Who {
        if self.who.is_multiple_of(2) { Who::Admin } else { Who::DataPlane }
    }

    /// Something like it.
    pub fn changed(&self, corpus: &[Self], dice: &mut Dice) -> Self {
        let mut input = self.clone();
        for _ in 0..=dice.roll(4) {
            input.change(corpus, dice);
        }
        input.body.truncate(LONGEST);
        input
    }

    fn change(&mut self, corpus: &[Self], dice: &mut Dice) {
        let byte = |dice: &mut Dice| u8::try_from(dice.roll(256)).unwrap();
        let from = dice.roll(self.body.len() + 1);
        let to = (from + 1 + dice.roll(16)).min(self.body.len());
        match dice.roll(16) {
            0 => self.method = byte(dice),
            1 | 2 => self.who = byte(dice),
            3 => self.piece = byte(dice),
            4 => self.raw = dice.roll(4) == 0,
            5 if from < to => self.body[from] ^= 1 << dice.roll(8),
            6 if from < to => self.body[from] = byte(dice),
            7 if from < to => self.body[from] = self.body[from].wrapping_add([1, 255, 16, 128][dice.roll(4)]),
            8 if from < to => drop(self.body.drain(from..to)),
            9 => self.body.truncate(from),
            10 if from < to => {
                let again = self.body[from..to].to_vec();
                let times = 1 + dice.roll(8);
                self.insert(from, &again.repeat(times));
            }
            11 => {
                let other = &corpus[dice.roll(corpus.len())].body;
                let start = dice.roll(other.len() + 1);
                self.insert(from, &other[start..]);
            }
            12 => {
                let other = &corpus[dice.roll(corpus.len())].body;
                self.body.truncate(from);
                self.body.extend_from_slice(&other[dice.roll(other.len() + 1)..]);
            }
            _ => {
                let piece = PIECES[dice.roll(PIECES.len())];
                // In place of something as often as between.
                if dice.roll(2) == 0 {
                    self.body.drain(from..to.max(from));
                }
                self.insert(from, piece);
            }
        }
    }

    fn insert(&mut self, at: usize, piece: &[u8]) {
        self.body.splice(at..at, piece.iter().copied());
    }

    /// For the message of a failure.
    pub fn to_text(&self) -> String {
        let body: String = self.body.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{}-{}-{}-{}-{body}", self.method, self.who, self.piece, u8::from(self.raw))
    }

    /// And back.
    pub fn from_text(text: &str) -> Self {
        let mut parts = text.trim().split('-');
        let mut number = || parts.next().unwrap().parse::<u8>().unwrap();
        let (method, who, piece, raw) = (number(), number(), number(), number() == 1);
        let body = parts.next().unwrap().as_bytes();
        let hex = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        Self { method, who, piece, raw, body: body.chunks(2).map(hex).collect() }
    }
}
