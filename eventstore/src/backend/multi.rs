//! Statements over several rows: one trip to the database for many, with few texts to prepare.

use sqlx::AssertSqlSafe;

/// Most rows of one statement: far below the placeholders that are allowed (MySQL: 65,535, SQLite: 32,766).
const ROWS: usize = 256;

/// A statement over several rows: what stands before them, one row, and what follows.
pub(super) struct Multi {
    pub(super) before: &'static str,
    pub(super) row: &'static str,
    pub(super) after: &'static str,
}

// === impl Multi ===

impl Multi {
    /// The statement for that many rows. Only the fixed parts above go into it: values are bound.
    pub(super) fn over(&self, rows: usize) -> AssertSqlSafe<String> {
        let rows = vec![self.row; rows].join(", ");
        AssertSqlSafe([self.before, &rows, self.after].concat())
    }
}

/// Cuts rows into those of one statement each. Their numbers are powers of two: a statement is prepared once per number of rows.
/// A row that is larger than half a packet by itself still goes, alone.
pub(super) fn parts<T>(mut rows: &[T], packet: usize, size: impl Fn(&T) -> usize) -> Vec<&[T]> {
    let mut parts = Vec::new();
    while !rows.is_empty() {
        let mut count = 1 << rows.len().min(ROWS).ilog2();
        while count > 1 && rows[..count].iter().map(&size).sum::<usize>() > packet / 2 {
            count /= 2;
        }
        let (part, rest) = rows.split_at(count);
        parts.push(part);
        rows = rest;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_cut_into_powers_of_two_that_fit_the_packet() {
        let lengths = |rows: &[usize]| parts(rows, 2_000, |row| *row).iter().map(|part| part.len()).collect::<Vec<_>>();
        assert_eq!(lengths(&[]), [0; 0]);
        assert_eq!(lengths(&[1; 7]), [4, 2, 1]);
        assert_eq!(lengths(&[1; 600]), [256, 256, 64, 16, 8]);
        assert_eq!(lengths(&[600; 3]), [1, 1, 1]);
        assert_eq!(lengths(&[300, 300, 300, 300]), [2, 2]);
        assert_eq!(lengths(&[5_000, 1]), [1, 1], "too large for a part, not for a packet");
    }
}
