//! Names of headers that this thread has seen. Making one out of bytes means to look at each byte, to find out whether it is a
//! known one, and else to copy it; the same few come again and again, in the same spelling.

use std::cell::RefCell;

use http::header::{HeaderName, InvalidHeaderName};

/// Names that are kept. Another one with the same place takes the place.
const PLACES: usize = 256;
/// Longer ones are not kept.
const LONGEST: usize = 32;

struct Seen {
    text: [u8; LONGEST],
    length: usize,
    name: HeaderName,
}

thread_local! {
    static SEEN: RefCell<Vec<Option<Seen>>> = const { RefCell::new(Vec::new()) };
}

/// The name that these bytes spell.
pub(crate) fn name(bytes: &[u8]) -> Result<HeaderName, InvalidHeaderName> {
    let [first, .., last] = *bytes else { return HeaderName::from_bytes(bytes) };
    let length = bytes.len();
    if length > LONGEST {
        return HeaderName::from_bytes(bytes);
    }
    let middle = bytes[length / 2];
    let place = (length << 5) ^ usize::from(first) ^ usize::from(middle) << 3 ^ usize::from(last) << 2;
    SEEN.with_borrow_mut(|all| {
        if all.is_empty() {
            all.resize_with(PLACES, || None);
        }
        let place = &mut all[place % PLACES];
        if let Some(seen) = place
            && seen.text[..seen.length] == *bytes
        {
            return Ok(seen.name.clone());
        }
        let name = HeaderName::from_bytes(bytes)?;
        let mut text = [0; LONGEST];
        text[..length].copy_from_slice(bytes);
        *place = Some(Seen { text, length, name: name.clone() });
        Ok(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_same_the_second_time() {
        let long = "x-".repeat(40);
        let names = ["a", "ab", "aB", "Host", "host", "X-Request-Id", "x-request-id", &long, "x-y-z", "x-z-z"];
        for _ in 0..3 {
            for text in names {
                assert_eq!(name(text.as_bytes()).unwrap(), HeaderName::from_bytes(text.as_bytes()).unwrap(), "{text}");
            }
            for wrong in ["", "a b", "a:", "\u{e9}"] {
                name(wrong.as_bytes()).unwrap_err();
            }
        }
    }

    #[test]
    fn names_that_share_a_place_are_not_mixed_up() {
        for at in 0..2000 {
            let text = format!("x-{at}");
            assert_eq!(name(text.as_bytes()).unwrap(), *text);
            assert_eq!(name(text.as_bytes()).unwrap(), *text);
        }
    }
}
