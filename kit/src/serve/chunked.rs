//! Follows the framing of a chunked body, so that the filter knows where the next request head begins. It accepts a subset of
//! what hyper's decoder accepts: when in doubt the body counts as broken, and nothing after it is read.

/// Where in the framing the next byte stands.
#[derive(Clone, Copy, Debug, Default)]
enum At {
    #[default]
    FirstDigit,
    Digit,
    Padding,
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    LineStart,
    Trailer,
    TrailerLf,
    EndLf,
}

/// The state of following one chunked body.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Chunks {
    at: At,
    left: u64,
}

/// How far a body got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// All bytes belong to the body, which goes on.
    More,
    /// The body ends after this many bytes.
    Done(usize),
    /// The framing is broken at this byte.
    Broken(usize),
}

impl Chunks {
    /// Goes on with the next bytes of the connection.
    pub(super) fn advance(&mut self, bytes: &[u8]) -> Progress {
        let mut used = 0;
        while used < bytes.len() {
            if let At::Data = self.at {
                used += self.skip_data(bytes.len() - used);
                continue;
            }
            let end = matches!(self.at, At::EndLf);
            let Some(next) = self.step(bytes[used]) else {
                return Progress::Broken(used);
            };
            used += 1;
            if end {
                return Progress::Done(used);
            }
            self.at = next;
        }
        Progress::More
    }

    fn skip_data(&mut self, available: usize) -> usize {
        let taken = usize::try_from(self.left).map_or(available, |left| left.min(available));
        self.left -= taken as u64;
        if self.left == 0 {
            self.at = At::DataCr;
        }
        taken
    }

    fn step(&mut self, byte: u8) -> Option<At> {
        match (self.at, byte) {
            (At::Digit | At::Padding, b' ' | b'\t') => Some(At::Padding),
            (At::Digit | At::Padding, b';') => Some(At::Extension),
            (At::Digit | At::Padding | At::Extension, b'\r') => Some(At::SizeLf),
            (At::FirstDigit | At::Digit, _) => self.add_digit(byte),
            (At::SizeLf, b'\n') if self.left == 0 => Some(At::LineStart),
            (At::SizeLf, b'\n') => Some(At::Data),
            (At::DataCr, b'\r') => Some(At::DataLf),
            (At::DataLf, b'\n') => Some(At::FirstDigit),
            (At::LineStart, b'\r') => Some(At::EndLf),
            (At::Trailer, b'\r') => Some(At::TrailerLf),
            (At::TrailerLf | At::EndLf, b'\n') => Some(At::LineStart),
            (At::Extension | At::Trailer | At::LineStart, b'\n') => None,
            (At::Extension, _) => Some(At::Extension),
            (At::Trailer | At::LineStart, _) => Some(At::Trailer),
            _ => None,
        }
    }

    fn add_digit(&mut self, byte: u8) -> Option<At> {
        let digit = char::from(byte).to_digit(16)?;
        self.left = self.left.checked_mul(16)?.checked_add(u64::from(digit))?;
        Some(At::Digit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_ends_after_its_last_line() {
        for (body, rest) in [
            ("0\r\n\r\n", "GET"),
            ("5\r\nhello\r\n0\r\n\r\n", ""),
            ("A ;x=y\r\n0123456789\r\n1\r\nx\r\n00\r\nT: v\r\n\r\n", "P"),
        ] {
            let all = format!("{body}{rest}");
            let done = Chunks::default().advance(all.as_bytes());
            assert_eq!(done, Progress::Done(body.len()), "{body:?}");
        }
    }

    #[test]
    fn it_can_stop_at_every_byte() {
        let body = b"a;e\r\n0123456789\r\n0\r\nT: v\r\n\r\n";
        let mut chunks = Chunks::default();
        for byte in &body[..body.len() - 1] {
            assert_eq!(chunks.advance(&[*byte]), Progress::More);
        }
        assert_eq!(chunks.advance(b"\n"), Progress::Done(1));
    }

    #[test]
    fn broken_framing_is_found_at_its_byte() {
        for (body, at) in [
            ("\r\n", 0),
            ("x\r\n", 0),
            ("1\n", 1),
            ("1\r\nab", 4),
            ("1;a\nb", 3),
            ("0\r\nT: v\n", 7),
            ("fffffffffffffffff\r\n", 16),
        ] {
            let broken = Chunks::default().advance(body.as_bytes());
            assert_eq!(broken, Progress::Broken(at), "{body:?}");
        }
    }
}
