//! Standard, padded base64, as Go decodes it: line ends anywhere, and the place of what is wrong in the error.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::BytesMut;

/// Decodes.
pub(super) fn decode(text: &str) -> Result<Vec<u8>, String> {
    STANDARD
        .decode(text)
        .or_else(|_| decode_slowly(text.as_bytes()).map_err(|at| format!("illegal base64 data at input byte {at}")))
}

/// Appends the encoding of `data`.
pub(super) fn encode(data: &[u8], out: &mut BytesMut) {
    let start = out.len();
    let length =
        base64::encoded_len(data.len(), true).expect("what fits into memory one and a half times has a length");
    out.resize(start + length, 0);
    STANDARD.encode_slice(data, &mut out[start..]).expect("the slice is as long as the encoding");
}

/// The full rules. An error is the place.
fn decode_slowly(text: &[u8]) -> Result<Vec<u8>, usize> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let mut at = 0;
    let skip_line_ends = |at: &mut usize| {
        while matches!(text.get(*at), Some(b'\n' | b'\r')) {
            *at += 1;
        }
    };
    loop {
        let mut quantum = [0_u8; 4];
        let mut filled = 0;
        while filled < 4 {
            skip_line_ends(&mut at);
            let Some(byte) = text.get(at) else {
                return if filled == 0 { Ok(out) } else { Err(at - filled) };
            };
            at += 1;
            if let Some(bits) = bits(*byte) {
                quantum[filled] = bits;
                filled += 1;
                continue;
            }
            if *byte != b'=' || filled < 2 {
                return Err(at - 1);
            }
            if filled == 2 {
                skip_line_ends(&mut at);
                match text.get(at) {
                    None => return Err(text.len()),
                    Some(b'=') => at += 1,
                    Some(_) => return Err(at - 1),
                }
            }
            skip_line_ends(&mut at);
            if at < text.len() {
                return Err(at);
            }
            out.push(quantum[0] << 2 | quantum[1] >> 4);
            if filled == 3 {
                out.push(quantum[1] << 4 | quantum[2] >> 2);
            }
            return Ok(out);
        }
        out.push(quantum[0] << 2 | quantum[1] >> 4);
        out.push(quantum[1] << 4 | quantum[2] >> 2);
        out.push(quantum[2] << 6 | quantum[3]);
    }
}

fn bits(byte: u8) -> Option<u8> {
    Some(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    })
}
