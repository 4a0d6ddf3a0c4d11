//! Which rows have three given letters in a row: for each triple the rows that hold it, as differences in as few bytes as they
//! need. Only triples of normal forms occur: letters, digits and the blank.

use super::term::PIECE_END;

/// Letters, digits, blank, and one for everything else.
const SYMBOLS: usize = 38;
const TRIPLES: usize = SYMBOLS * SYMBOLS * SYMBOLS;

/// Rows by triple.
#[derive(Debug, Default)]
pub(super) struct Trigrams {
    /// Where the rows of each triple begin, and the end.
    starts: Vec<u32>,
    bytes: Vec<u8>,
}

/// More postings than offsets of 32 bits reach.
#[derive(Debug)]
pub(super) struct TooMany;

fn symbol(byte: u8) -> usize {
    match byte {
        b'a'..=b'z' => usize::from(byte - b'a') + 1,
        b'0'..=b'9' => usize::from(byte - b'0') + 27,
        b' ' => 37,
        _ => 0,
    }
}

/// The triples of `text`, which do not cross the end of a piece.
fn triples(text: &str) -> impl Iterator<Item = usize> {
    text.as_bytes().windows(3).filter_map(|window| {
        let crosses = window.contains(&(PIECE_END as u8));
        let code = window
            .iter()
            .fold(0, |code, &byte| code * SYMBOLS + symbol(byte));
        (!crosses).then_some(code)
    })
}

fn encoded_length(difference: u32) -> u32 {
    // Seven bits a byte.
    (32 - (difference | 1).leading_zeros()).div_ceil(7)
}

impl Trigrams {
    /// Indexes the text of each row.
    pub(super) fn build<'a>(
        rows: impl Fn(usize) -> &'a str,
        count: usize,
    ) -> Result<Self, TooMany> {
        let count = u32::try_from(count).map_err(|_| TooMany)?;
        // The row that a triple was last seen in, plus one.
        let mut last = vec![0_u32; TRIPLES];
        let mut lengths = vec![0_u64; TRIPLES];
        for row in 0..count {
            for code in triples(rows(row as usize)) {
                if last[code] != row + 1 {
                    lengths[code] += u64::from(encoded_length(row + 1 - last[code]));
                    last[code] = row + 1;
                }
            }
        }
        let mut starts = Vec::with_capacity(TRIPLES + 1);
        let mut end = 0_u64;
        for length in lengths {
            starts.push(u32::try_from(end).map_err(|_| TooMany)?);
            end += length;
        }
        starts.push(u32::try_from(end).map_err(|_| TooMany)?);
        let mut bytes = vec![0; usize::try_from(end).map_err(|_| TooMany)?];
        let mut next = starts.clone();
        last.fill(0);
        for row in 0..count {
            for code in triples(rows(row as usize)) {
                if last[code] != row + 1 {
                    let at = &mut next[code];
                    put(&mut bytes, at, row + 1 - last[code]);
                    last[code] = row + 1;
                }
            }
        }
        Ok(Self { starts, bytes })
    }

    /// Rows that have every triple of `needle`, and perhaps others; none if the needle is too short to tell.
    pub(super) fn candidates(&self, needle: &str) -> Option<Vec<u32>> {
        let mut postings: Vec<&[u8]> = triples(needle).map(|code| self.postings(code)).collect();
        postings.sort_unstable_by_key(|postings| postings.len());
        let mut postings = postings.into_iter();
        let mut rows: Vec<u32> = decode(postings.next()?).collect();
        if rows.len() > WORTH_ANOTHER
            && let Some(second) = postings.next()
        {
            retain_common(&mut rows, decode(second));
        }
        Some(rows)
    }

    /// Bytes that the rarest triple of `needle` takes: how dear it is to look for; none if it is too short.
    pub(super) fn cost(&self, needle: &str) -> Option<usize> {
        triples(needle).map(|code| self.postings(code).len()).min()
    }

    fn postings(&self, code: usize) -> &[u8] {
        match (self.starts.get(code), self.starts.get(code + 1)) {
            (Some(&start), Some(&end)) => &self.bytes[start as usize..end as usize],
            _ => &[],
        }
    }

    /// Memory in use, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.capacity() + self.starts.capacity() * size_of::<u32>()
    }
}

/// Rows beyond which looking at them costs more than reading a second list.
const WORTH_ANOTHER: usize = 64;

fn put(bytes: &mut [u8], at: &mut u32, mut difference: u32) {
    while difference >= 0x80 {
        bytes[*at as usize] = difference.to_le_bytes()[0] | 0x80;
        difference >>= 7;
        *at += 1;
    }
    bytes[*at as usize] = difference.to_le_bytes()[0];
    *at += 1;
}

fn decode(postings: &[u8]) -> impl Iterator<Item = u32> {
    let mut row = 0_u32;
    let mut bytes = postings.iter();
    std::iter::from_fn(move || {
        let (mut difference, mut shift) = (0_u32, 0);
        loop {
            let byte = *bytes.next()?;
            difference |= u32::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
            shift += 7;
        }
        row += difference;
        Some(row - 1)
    })
}

/// Keeps of `rows` those that are in `others`; both ascend.
fn retain_common(rows: &mut Vec<u32>, others: impl Iterator<Item = u32>) {
    let mut others = others.peekable();
    rows.retain(|&row| {
        while others.next_if(|&other| other < row).is_some() {}
        others.peek() == Some(&row)
    });
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_row_that_has_the_needle_is_missed(
            texts in prop::collection::vec("[ab1 \n]{0,9}", 0..300), needle in "[ab1 ]{0,5}",
        ) {
            let index = Trigrams::build(|row| &texts[row], texts.len()).unwrap();
            let candidates = index.candidates(&needle);
            prop_assert_eq!(candidates.is_none(), needle.len() < 3);
            for (row, text) in (0..).zip(&texts) {
                let has = text.contains(&needle);
                let found = candidates.as_ref().is_none_or(|rows| rows.contains(&row));
                prop_assert!(!has || found, "row {} of {:?}", row, texts);
            }
        }
    }

    #[test]
    fn distant_rows_and_unknown_triples() {
        let text = |row: usize| {
            if row.is_multiple_of(70_000) {
                "abc"
            } else {
                "x"
            }
        };
        let index = Trigrams::build(text, 140_001).unwrap();
        assert_eq!(index.candidates("abc"), Some(vec![0, 70_000, 140_000]));
        assert_eq!(index.candidates("zzz"), Some(vec![]));
        assert_eq!(index.candidates("ab"), None);
    }
}
