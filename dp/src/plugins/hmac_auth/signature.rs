//! What a caller shows, and the text that it has signed.

use http::header::HeaderName;

use crate::request::Request;

/// The parameters of the Authorization header.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Signature<'h> {
    pub key_id: Option<&'h str>,
    pub algorithm: Option<&'h str>,
    pub signature: Option<&'h str>,
    /// What is signed, in order.
    pub headers: Vec<&'h str>,
}

impl<'h> Signature<'h> {
    /// Reads what follows the scheme; the last of several equal parameters counts.
    pub fn parse(header: &'h str) -> Self {
        let mut shown = Self::default();
        for field in header.split(',') {
            let Some((name, rest)) = field.split_once("=\"") else { continue };
            let Some((value, _)) = rest.split_once('"') else { continue };
            match name.trim() {
                "keyId" => shown.key_id = Some(value),
                "algorithm" => shown.algorithm = Some(value),
                "signature" => shown.signature = Some(value),
                "headers" => shown.headers = value.split(' ').collect(),
                _ => {}
            }
        }
        shown
    }
}

/// The signed text: a line for the key and one for each header that is there. None when a header stands twice: the
/// upstream may read the other line than the one that was signed.
pub(super) fn text(request: &Request, key_id: &str, headers: &[&str]) -> Option<Vec<u8>> {
    let mut text = format!("{key_id}\n").into_bytes();
    for name in headers {
        if *name == "@request-target" {
            text.extend_from_slice(format!("{} {}\n", request.parts.method, request.target()).as_bytes());
            continue;
        }
        let Ok(field) = HeaderName::try_from(*name) else { continue };
        let mut values = request.parts.headers.get_all(field).iter();
        let Some(value) = values.next() else { continue };
        if values.next().is_some() {
            return None;
        }
        text.extend_from_slice(format!("{name}: ").as_bytes());
        text.extend_from_slice(value.as_bytes());
        text.push(b'\n');
    }
    Some(text)
}
