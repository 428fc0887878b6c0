//! Headers of a message.

use http::HeaderMap;
use http::header::{CONNECTION, CONTENT_LENGTH, HeaderName, TE, TRANSFER_ENCODING, UPGRADE};

use crate::http1::decimal;

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// Takes out what HTTP/2 forbids (RFC 9113 8.2.2), whoever has set it; the other side would refuse the message.
pub(crate) fn remove_of_connection(headers: &mut HeaderMap) {
    if !headers.keys().any(is_of_connection) {
        return;
    }
    let named = headers.remove(CONNECTION);
    for name in [&KEEP_ALIVE, &PROXY_CONNECTION, &TRANSFER_ENCODING, &UPGRADE] {
        headers.remove(name);
    }
    if headers.get(TE).is_some_and(|value| value != "trailers") {
        headers.remove(TE);
    }
    for name in named.as_ref().and_then(|value| value.to_str().ok()).into_iter().flat_map(|all| all.split(',')) {
        headers.remove(name.trim());
    }
}

fn is_of_connection(name: &HeaderName) -> bool {
    matches!(*name, CONNECTION | TRANSFER_ENCODING | UPGRADE | TE) || *name == KEEP_ALIVE || *name == PROXY_CONNECTION
}

/// The length that a message announces, if it announces one.
pub(crate) fn announced(headers: &HeaderMap) -> Option<u64> {
    let mut length = None;
    for value in headers.get_all(CONTENT_LENGTH) {
        for said in value.as_bytes().split(|byte| *byte == b',') {
            let said = decimal(said.trim_ascii())?;
            if length.replace(said).is_some_and(|before| before != said) {
                return None;
            }
        }
    }
    length
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn map(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        lines.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn what_is_of_a_connection_does_not_pass() {
        let mut headers = map(&[
            ("connection", "x-mine, keep-alive"),
            ("x-mine", "1"),
            ("keep-alive", "timeout=5"),
            ("proxy-connection", "close"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "x"),
            ("te", "gzip"),
            ("x-kept", "1"),
        ]);
        remove_of_connection(&mut headers);
        assert_eq!(headers, map(&[("x-kept", "1")]));
        let mut headers = map(&[("te", "trailers")]);
        remove_of_connection(&mut headers);
        assert_eq!(headers, map(&[("te", "trailers")]));
    }

    #[test]
    fn a_length_is_one_number() {
        for (values, expected) in [
            (&["7"][..], Some(7)),
            (&["7", "7"], Some(7)),
            (&["7, 7"], Some(7)),
            (&["7", "8"], None),
            (&["7, 8"], None),
            (&["+7"], None),
            (&[""], None),
            (&[], None),
        ] {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(CONTENT_LENGTH, HeaderValue::from_static(value));
            }
            assert_eq!(announced(&headers), expected, "{values:?}");
        }
    }
}
