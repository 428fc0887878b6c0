//! Whether a stored value can hold a text at all. Most can't, and need not be parsed to know.

use memchr::memmem::Finder;

/// Texts that are looked for, each in every spelling that it may have.
pub(crate) struct Mentions<'t>(Vec<Finder<'t>>);

// === impl Mentions ===

impl<'t> Mentions<'t> {
    /// Looks for any of these.
    pub(crate) fn of(texts: impl IntoIterator<Item = &'t [u8]>) -> Self {
        Self(texts.into_iter().map(Finder::new).collect())
    }

    /// Whether one of them may be in it. In a value with escapes it may be spelt in another way.
    pub(crate) fn may_be_in(&self, value: &[u8]) -> bool {
        memchr::memchr(b'\\', value).is_some() || self.0.iter().any(|text| text.find(value).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_hold_one_of_the_texts() {
        let mentions = Mentions::of([b"s1".as_slice(), b"s22"]);
        for (value, may) in [
            (r#"{"service_id":"s1"}"#, true),
            (r#"{"service_id":"s22"}"#, true),
            (r#"{"service_id":"s2"}"#, false),
            (r#"{"service_id":"\u00731"}"#, true),
            ("", false),
        ] {
            assert_eq!(mentions.may_be_in(value.as_bytes()), may, "{value}");
        }
        assert!(!Mentions::of([]).may_be_in(b"{}"));
    }
}
