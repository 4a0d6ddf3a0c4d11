//! The bytes of a file as clean UTF-8 text, piece by piece: decoded, without byte order mark, every line ended by a line feed. What a
//! contact cannot hold (a NUL), and a carriage return that ends no line, are refused (O-27, O-28).

use std::io::{self, Read};

use encoding_rs::{Decoder, DecoderResult};

use super::charset::Charset;

/// Bytes that are read at once.
const PIECE: usize = 64 << 10;

/// Why a file is no text that can be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum TextError {
    /// Bytes that the charset does not have.
    #[error("the bytes in line {line} are not valid {charset}")]
    Bytes {
        /// Line, from 1.
        line: u64,
        /// Name of the charset.
        charset: &'static str,
    },
    /// A character that does not belong there.
    #[error("{what} in line {line}")]
    Character {
        /// The character, in words.
        what: &'static str,
        /// Line, from 1.
        line: u64,
    },
}

impl From<TextError> for io::Error {
    fn from(error: TextError) -> Self {
        Self::new(io::ErrorKind::InvalidData, error)
    }
}

/// Reads clean text from `source`.
pub(super) struct Text<R> {
    source: R,
    charset: Charset,
    decoder: Decoder,
    raw: Vec<u8>,
    clean: Vec<u8>,
    given: usize,
    total: u64,
    state: State,
    ended: bool,
}

/// Where in the file the reading is.
struct State {
    line: u64,
    quoted: bool,
    after_return: bool,
    at_start: bool,
}

impl<R: Read> Text<R> {
    /// The text of `source`, which is in `charset` unless a byte order mark says otherwise.
    pub(super) fn new(source: R, charset: Charset) -> Self {
        Self {
            source,
            charset,
            decoder: charset.encoding.new_decoder(),
            raw: vec![0; PIECE],
            clean: Vec::new(),
            given: 0,
            total: 0,
            state: State {
                line: 1,
                quoted: false,
                after_return: false,
                at_start: true,
            },
            ended: false,
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        let count = self.source.read(&mut self.raw)?;
        self.ended = count == 0;
        let bytes = &self.raw[..count];
        if self.charset.ascii && !bytes.is_ascii() {
            return Err(self.bad_bytes().into());
        }
        let longest = self.decoder.max_utf8_buffer_length(count);
        let mut decoded = String::with_capacity(longest.unwrap_or(PIECE * 3));
        let (result, _) =
            self.decoder
                .decode_to_string_without_replacement(bytes, &mut decoded, self.ended);
        if matches!(result, DecoderResult::Malformed(..)) {
            self.state.count_lines(&decoded);
            return Err(self.bad_bytes().into());
        }
        self.clean.clear();
        self.given = 0;
        self.state.clean(&decoded, &mut self.clean)?;
        if self.ended && !self.state.quoted && !self.state.at_start {
            self.clean.push(b'\n');
        }
        self.total += self.clean.len() as u64;
        Ok(())
    }

    /// True if the text ended within quotes, and that many bytes were all of it.
    pub(super) fn ends_quoted_at(&self, bytes: u64) -> bool {
        self.ended && self.state.quoted && self.total == bytes
    }

    fn bad_bytes(&self) -> TextError {
        TextError::Bytes {
            line: self.state.line,
            charset: self.charset.name(),
        }
    }
}

impl State {
    fn count_lines(&mut self, text: &str) {
        let lines = text.bytes().filter(|&byte| byte == b'\n').count();
        self.line += u64::try_from(lines).unwrap_or(0);
    }

    /// Appends `text` to `clean`. Inside quotes everything but a NUL is kept as it is.
    fn clean(&mut self, text: &str, clean: &mut Vec<u8>) -> Result<(), TextError> {
        for byte in text.bytes() {
            let refused = |what| TextError::Character {
                what,
                line: self.line,
            };
            if std::mem::take(&mut self.after_return) && byte != b'\n' {
                return Err(refused("a carriage return without a line feed"));
            }
            match byte {
                0 => return Err(refused("a NUL")),
                b'\r' if !self.quoted => {
                    self.after_return = true;
                    continue;
                }
                b'"' => self.quoted = !self.quoted,
                b'\n' => self.line += 1,
                _ => {}
            }
            self.at_start = byte == b'\n';
            clean.push(byte);
        }
        Ok(())
    }
}

impl<R: Read> Read for Text<R> {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        while self.given == self.clean.len() && !self.ended {
            self.fill()?;
        }
        let rest = &self.clean[self.given..];
        let count = rest.len().min(target.len());
        target[..count].copy_from_slice(&rest[..count]);
        self.given += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One byte at a time, so that every state crosses the border between pieces.
    struct Dripping<'a>(&'a [u8]);

    impl Read for Dripping<'_> {
        fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
            let count = self.0.len().min(1);
            target[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    fn read(bytes: &[u8], charset: &str) -> Result<String, String> {
        let mut text = String::new();
        let charset = Charset::named(charset).map_err(|error| error.to_string())?;
        let mut reader = Text::new(Dripping(bytes), charset);
        reader
            .read_to_string(&mut text)
            .map_err(|error| error.to_string())?;
        Ok(text)
    }

    #[test]
    fn bytes_become_clean_text() {
        for (bytes, charset, expected) in [
            (&b"a\r\nb\n"[..], "utf-8", "a\nb\n"),
            (b"\xef\xbb\xbfa", "utf-8", "a\n"),
            (b"\xff\xfeL\0\xe9\0", "utf-16", "L\u{e9}\n"),
            (b"\xfe\xff\0L", "utf-16", "L\n"),
            (b"Jos\xe9", "latin-1", "Jos\u{e9}\n"),
            (b"\xbcuvre", "iso-8859-15", "\u{152}uvre\n"),
            (b"\x80", "cp1252", "\u{20ac}\n"),
            (b"\"a\rb\r\nc\"\r\n", "utf-8", "\"a\rb\r\nc\"\n"),
            (b"end\r", "utf-8", "end\n"),
        ] {
            assert_eq!(read(bytes, charset).as_deref(), Ok(expected), "{bytes:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (bytes, charset, expected) in [
            (
                &b"a\nb\xe9\n"[..],
                "utf-8",
                "the bytes in line 2 are not valid utf-8",
            ),
            (b"\xc3", "utf-8", "the bytes in line 1 are not valid utf-8"),
            (
                b"a\n\xe9",
                "ascii",
                "the bytes in line 2 are not valid us-ascii",
            ),
            (b"a\nb\0", "utf-8", "a NUL in line 2"),
            (
                b"a\nb\rc",
                "utf-8",
                "a carriage return without a line feed in line 2",
            ),
        ] {
            assert_eq!(read(bytes, charset), Err(expected.to_owned()), "{bytes:?}");
        }
    }
}
