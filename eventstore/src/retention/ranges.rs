//! Sets of revisions as text: `1..4711`, `17,204,3055..3056`.

use std::fmt;

/// Revisions, as ascending ranges that do not touch; both ends count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ranges(Vec<(i64, i64)>);

// === impl Ranges ===

impl Ranges {
    /// All revisions from the first to the last.
    pub(crate) fn between(first: i64, last: i64) -> Self {
        Self(vec![(first, last)])
    }

    /// Reads the text; `None` when it is not of this form.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut ranges: Vec<(i64, i64)> = Vec::new();
        for part in text.split(',') {
            let (first, last) = part.split_once("..").unwrap_or((part, part));
            let (first, last) = (number(first)?, number(last)?);
            if first > last || ranges.last().is_some_and(|(_, before)| *before >= first) {
                return None;
            }
            ranges.push((first, last));
        }
        Some(Self(ranges))
    }

    /// Whether all revisions from the first to the last are in it.
    pub(crate) fn cover(&self, first: i64, last: i64) -> bool {
        self.0.iter().any(|(from, to)| *from <= first && last <= *to)
    }

    pub(crate) fn contains(&self, revision: i64) -> bool {
        let at = self.0.partition_point(|(_, last)| *last < revision);
        self.0.get(at).is_some_and(|(first, _)| *first <= revision)
    }
}

impl fmt::Display for Ranges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (first, last)) in self.0.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            if first == last { write!(f, "{comma}{first}")? } else { write!(f, "{comma}{first}..{last}")? }
        }
        Ok(())
    }
}

/// A revision as it is written: digits alone, none of them a leading zero.
fn number(text: &str) -> Option<i64> {
    let plain = text.starts_with(|first: char| first.is_ascii_digit() && first != '0');
    text.parse().ok().filter(|_| plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_and_written() {
        let ranges = Ranges::parse("1..3,5,9..10").unwrap();
        assert_eq!((ranges.to_string(), Ranges::between(1, 3).to_string()), ("1..3,5,9..10".into(), "1..3".into()));
        let inside: Vec<i64> = (0..12).filter(|revision| ranges.contains(*revision)).collect();
        assert_eq!(inside, [1, 2, 3, 5, 9, 10]);
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for bad in ["", "0", "01", "+1", "1,", "3..1", "5,4", "1..3,3", "a", "1..", "1...2", " 1"] {
            assert_eq!(Ranges::parse(bad), None, "{bad}");
        }
    }
}
