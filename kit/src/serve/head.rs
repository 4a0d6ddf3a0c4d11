//! Reads a request head line by line, before hyper does: finds where it ends, how its body is framed and whether it breaks a
//! rule. It never copies and can stop and go on at any byte. Whatever it lets through, hyper must frame in the same way, so
//! that it is stricter than hyper wherever the two could differ.

use std::ops::Range;

use memchr::{memchr, memrchr};

use super::refusal::Refusal;

/// How large a head may be, in bytes without the line ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct HeadLimits {
    pub(super) request_line: usize,
    pub(super) one_field: usize,
    pub(super) all_fields: usize,
    pub(super) field_count: usize,
}

/// How the body after a head is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    Sized(u64),
    Chunked,
}

/// A complete head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// Length in bytes, empty line included.
    pub(super) len: usize,
    /// Where the request target lies, when it has bytes that must be percent-encoded.
    pub(super) raw_target: Option<Range<usize>>,
    pub(super) framing: Framing,
}

/// What is known after the bytes seen so far.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Scan {
    Partial,
    Complete(Head),
    Refused(Refusal),
}

/// The state of reading one head.
#[derive(Debug, Default)]
pub(super) struct HeadScan {
    /// Bytes already searched for a line end.
    searched: usize,
    /// Where the current line begins.
    line: usize,
    /// Where the first header line begins; 0 while the request line is not complete.
    fields_at: usize,
    fields: usize,
    raw_target: Option<Range<usize>>,
    http10: bool,
    content_length: Option<u64>,
    chunked: bool,
}

impl HeadScan {
    /// Goes on reading. `head` begins at the same byte at each call and only grows.
    pub(super) fn advance(&mut self, head: &[u8], limits: &HeadLimits) -> Scan {
        loop {
            let Some(offset) = memchr(b'\n', &head[self.searched..]) else {
                self.searched = head.len();
                return match self.check_room(head.len(), limits) {
                    Ok(()) => Scan::Partial,
                    Err(refusal) => Scan::Refused(refusal),
                };
            };
            let feed = self.searched + offset;
            self.searched = feed + 1;
            match self.take_line(head, feed, limits) {
                Ok(false) => {}
                Ok(true) => return Scan::Complete(self.finish()),
                Err(refusal) => return Scan::Refused(refusal),
            }
        }
    }

    /// Whether a line that has not ended before `end` can still be within the limits. The spare byte is the CR. The same
    /// rule serves ended and unended lines, so that the verdict does not depend on how the head was cut into reads.
    fn check_room(&self, end: usize, limits: &HeadLimits) -> Result<(), Refusal> {
        if self.fields_at == 0 {
            // Measured from the first byte, so that blank lines before a request are bounded too.
            return if end > limits.request_line + 1 {
                Err(Refusal::RequestLineTooLong)
            } else {
                Ok(())
            };
        }
        if end - self.line > limits.one_field + 1 || end - self.fields_at > limits.all_fields + 1 {
            return Err(Refusal::FieldsTooLarge);
        }
        Ok(())
    }

    /// Takes the line that ends with the LF at `feed`; true when it is the empty one that ends the head.
    fn take_line(
        &mut self,
        head: &[u8],
        feed: usize,
        limits: &HeadLimits,
    ) -> Result<bool, Refusal> {
        self.check_room(feed, limits)?;
        let start = std::mem::replace(&mut self.line, feed + 1);
        let Some(line) = head[start..feed].strip_suffix(b"\r") else {
            return Err(Refusal::Malformed);
        };
        if self.fields_at == 0 {
            // Some clients send an empty line too many after a body; hyper's parser skips it as well.
            if !line.is_empty() {
                self.take_request_line(line, start)?;
                self.fields_at = feed + 1;
            }
            return Ok(false);
        }
        if line.is_empty() {
            return Ok(true);
        }
        self.fields += 1;
        if self.fields > limits.field_count {
            return Err(Refusal::FieldsTooLarge);
        }
        self.take_field(line)?;
        Ok(false)
    }

    fn take_request_line(&mut self, line: &[u8], start: usize) -> Result<(), Refusal> {
        let (Some(first), Some(last)) = (memchr(b' ', line), memrchr(b' ', line)) else {
            return Err(Refusal::Malformed);
        };
        self.http10 = match &line[last + 1..] {
            b"HTTP/1.1" => false,
            b"HTTP/1.0" => true,
            _ => return Err(Refusal::Malformed),
        };
        let method = &line[..first];
        let target = line.get(first + 1..last).unwrap_or_default();
        // CONNECT would turn the rest of the connection into something that is not HTTP. Case counts in methods, and there is none
        // with small letters.
        if method.is_empty()
            || method == b"CONNECT"
            || method.iter().any(u8::is_ascii_lowercase)
            || target.is_empty()
            || memchr(b' ', target).is_some()
        {
            return Err(Refusal::Malformed);
        }
        if !target.is_ascii() {
            self.raw_target = Some(start + first + 1..start + last);
        }
        Ok(())
    }

    fn take_field(&mut self, line: &[u8]) -> Result<(), Refusal> {
        match line[0] {
            // A folded line: its meaning depends on the reader.
            b' ' | b'\t' => Err(Refusal::Malformed),
            b'c' | b'C' => match value_of(line, b"content-length") {
                Some(value) => self.take_content_length(value),
                None => Ok(()),
            },
            b't' | b'T' => match value_of(line, b"transfer-encoding") {
                Some(value) => self.take_transfer_encoding(value),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    fn take_content_length(&mut self, value: &[u8]) -> Result<(), Refusal> {
        // 18 digits are beyond any body and cannot overflow.
        let plain = !value.is_empty() && value.len() <= 18 && value.iter().all(u8::is_ascii_digit);
        if !plain || self.content_length.is_some() || self.chunked {
            return Err(Refusal::Malformed);
        }
        let length = value
            .iter()
            .fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
        self.content_length = Some(length);
        Ok(())
    }

    fn take_transfer_encoding(&mut self, value: &[u8]) -> Result<(), Refusal> {
        let plain = value.eq_ignore_ascii_case(b"chunked");
        if !plain || self.chunked || self.content_length.is_some() || self.http10 {
            return Err(Refusal::Malformed);
        }
        self.chunked = true;
        Ok(())
    }

    fn finish(&mut self) -> Head {
        let framing = if self.chunked {
            Framing::Chunked
        } else {
            Framing::Sized(self.content_length.unwrap_or(0))
        };
        Head {
            len: self.line,
            raw_target: self.raw_target.take(),
            framing,
        }
    }
}

/// The value of the header line when its name is `name` (lower case).
fn value_of<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (found, rest) = line.split_at_checked(name.len())?;
    if !found.eq_ignore_ascii_case(name) {
        return None;
    }
    rest.strip_prefix(b":").map(<[u8]>::trim_ascii)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: HeadLimits = HeadLimits {
        request_line: 64,
        one_field: 64,
        all_fields: 128,
        field_count: 4,
    };

    fn scan(head: &[u8]) -> Scan {
        HeadScan::default().advance(head, &LIMITS)
    }

    fn framing(fields: &str) -> Scan {
        scan(format!("POST / HTTP/1.1\r\n{fields}\r\n").as_bytes())
    }

    #[test]
    fn a_head_ends_at_its_empty_line() {
        let text = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET";
        let Scan::Complete(head) = scan(text) else {
            panic!("not complete");
        };
        assert_eq!(head.len, text.len() - 3);
        assert_eq!(head.framing, Framing::Sized(0));
        assert_eq!(head.raw_target, None);
    }

    #[test]
    fn blank_lines_before_a_request_belong_to_it() {
        let text = b"\r\n\r\nGET /\xe9 HTTP/1.0\r\n\r\n";
        let Scan::Complete(head) = scan(text) else {
            panic!("not complete");
        };
        assert_eq!(head.len, text.len());
        assert_eq!(&text[head.raw_target.unwrap()], b"/\xe9");
    }

    #[test]
    fn body_framing_is_read_whatever_the_case() {
        let sized = framing("cOnTent-LENGTH: \t12 \r\n");
        assert!(matches!(sized, Scan::Complete(head) if head.framing == Framing::Sized(12)));
        let chunked = framing("Transfer-Encoding:CHUNKED\r\n");
        assert!(matches!(chunked, Scan::Complete(head) if head.framing == Framing::Chunked));
    }

    #[test]
    fn ambiguous_framing_is_refused() {
        for fields in [
            "Content-Length: 1\r\nContent-Length: 2\r\n",
            "Content-Length: 1\r\nContent-Length: 1\r\n",
            "Content-Length: 1, 1\r\n",
            "Content-Length: +1\r\n",
            "Content-Length: 0x1\r\n",
            "Content-Length:\r\n",
            "Content-Length: 99999999999999999999\r\n",
            "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: gzip, chunked\r\n",
            "Transfer-Encoding: identity\r\n",
            "X: a\r\n Content-Length: 1\r\n",
        ] {
            assert_eq!(
                framing(fields),
                Scan::Refused(Refusal::Malformed),
                "{fields}"
            );
        }
    }

    #[test]
    fn bad_request_lines_are_refused() {
        for line in [
            "GET /\r\n",
            "GET  HTTP/1.1\r\n",
            "GET / a HTTP/1.1\r\n",
            "GET / HTTP/2.0\r\n",
            "CONNECT a:1 HTTP/1.1\r\n",
            "get / HTTP/1.1\r\n",
            "\n",
        ] {
            assert_eq!(
                scan(line.as_bytes()),
                Scan::Refused(Refusal::Malformed),
                "{line:?}"
            );
        }
        let chunked_10 = b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n";
        assert_eq!(scan(chunked_10), Scan::Refused(Refusal::Malformed));
    }

    #[test]
    fn each_limit_is_exact() {
        let target = |n: usize| format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(n - 14));
        assert!(matches!(scan(target(64).as_bytes()), Scan::Complete(_)));
        assert_eq!(
            scan(target(65).as_bytes()),
            Scan::Refused(Refusal::RequestLineTooLong)
        );
        let field = |n: usize| format!("X: {}\r\n", "a".repeat(n - 3));
        assert!(matches!(framing(&field(64)), Scan::Complete(_)));
        assert_eq!(framing(&field(65)), Scan::Refused(Refusal::FieldsTooLarge));
        assert!(matches!(framing(&"X: a\r\n".repeat(4)), Scan::Complete(_)));
        let five = framing(&"X: a\r\n".repeat(5));
        assert_eq!(five, Scan::Refused(Refusal::FieldsTooLarge));
        let large = framing(&field(60).repeat(3));
        assert_eq!(large, Scan::Refused(Refusal::FieldsTooLarge));
    }
}
