//! Names of charsets, as clients and the reference's language write them.

use encoding_rs::{Encoding, UTF_8, UTF_16LE};

/// A charset that files may be in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charset {
    /// What decodes it.
    pub(super) encoding: &'static Encoding,
    /// True for plain ASCII, of which the decoder is a superset.
    pub(super) ascii: bool,
}

/// The name of no charset that is known.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("unknown encoding: {0}")]
pub struct UnknownCharset(pub String);

impl Charset {
    /// UTF-8, the default.
    pub const UTF_8: Self = Self {
        encoding: UTF_8,
        ascii: false,
    };

    /// Its name.
    pub fn name(self) -> &'static str {
        if self.ascii {
            "us-ascii"
        } else if self == Self::UTF_8 {
            "utf-8"
        } else {
            self.encoding.name()
        }
    }

    /// The charset that a `Content-Type` header names; UTF-8 if it names none.
    pub fn of_content_type(header: Option<&str>) -> Result<Self, UnknownCharset> {
        let parameters = header.unwrap_or_default().split(';').skip(1);
        for parameter in parameters {
            if let Some((name, value)) = parameter.split_once('=')
                && name.trim().eq_ignore_ascii_case("charset")
            {
                return Self::named(value.trim().trim_matches('"'));
            }
        }
        Ok(Self::UTF_8)
    }

    /// The charset called `name`.
    pub fn named(name: &str) -> Result<Self, UnknownCharset> {
        let label = name.trim().to_ascii_lowercase().replace('_', "-");
        let ascii = ["ascii", "us-ascii", "646"].contains(&label.as_str());
        let encoding = match label.as_str() {
            "latin-1" | "l1" | "8859" | "cp819" => Some(encoding_rs::WINDOWS_1252),
            "latin-9" | "latin9" => Some(encoding_rs::ISO_8859_15),
            "utf-16" | "utf16" | "u16" => Some(UTF_16LE),
            "utf-8-sig" | "utf" | "u8" => Some(UTF_8),
            label => Encoding::for_label(label.as_bytes()).or_else(|| code_page(label)),
        };
        // What decodes to nothing but replacements is as good as unknown.
        let encoding = encoding.filter(|encoding| *encoding != encoding_rs::REPLACEMENT);
        let encoding = encoding.ok_or_else(|| UnknownCharset(name.to_owned()))?;
        Ok(Self { encoding, ascii })
    }
}

/// `cp1250`, `1250` and such.
fn code_page(label: &str) -> Option<&'static Encoding> {
    let number = label.strip_prefix("cp").unwrap_or(label);
    Encoding::for_label(format!("windows-{number}").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str) -> Option<&'static str> {
        Charset::named(name)
            .ok()
            .map(|charset| charset.encoding.name())
    }

    #[test]
    fn charsets_have_many_names() {
        for (name, encoding) in [
            ("UTF-8", "UTF-8"),
            ("utf_8", "UTF-8"),
            ("latin-1", "windows-1252"),
            ("ISO-8859-1", "windows-1252"),
            ("iso8859-15", "ISO-8859-15"),
            ("Latin9", "ISO-8859-15"),
            ("cp1252", "windows-1252"),
            ("1250", "windows-1250"),
            ("utf-16", "UTF-16LE"),
            ("UTF-16BE", "UTF-16BE"),
            ("us-ascii", "windows-1252"),
        ] {
            assert_eq!(found(name), Some(encoding), "{name}");
        }
        for name in ["nope", "", "replacement", "iso-2022-kr"] {
            assert_eq!(found(name), None, "{name}");
        }
        assert!(Charset::named("ascii").unwrap().ascii);
    }

    #[test]
    fn the_header_names_the_charset_or_none() {
        let of = |header| Charset::of_content_type(header).map(|charset| charset.encoding.name());
        assert_eq!(of(None), Ok("UTF-8"));
        assert_eq!(of(Some("text/csv")), Ok("UTF-8"));
        assert_eq!(
            of(Some("text/csv; x=1; Charset=\"ISO-8859-15\"")),
            Ok("ISO-8859-15")
        );
        assert_eq!(
            of(Some("a/b;charset=nope")),
            Err(UnknownCharset("nope".into()))
        );
        assert!(of(Some("a/b;charset=")).is_err());
    }
}
