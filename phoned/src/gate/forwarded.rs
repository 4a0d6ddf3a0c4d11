//! What a trusted proxy says about the phone behind it (phoned.md §6.4). Nothing here is looked at when the other end of the
//! connection is not in `rest_api.trusted_proxies`.

use std::{borrow::Cow, net::IpAddr};

use http::{HeaderMap, HeaderName};
use kit::subnet::{Allowlist, canonical};
use serde::Deserialize;

/// `rest_api.forwarded_header`: where a trusted proxy writes whom it speaks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ForwardedHeader {
    /// In `X-Forwarded-For`.
    #[default]
    XForwardedFor,
    /// In `Forwarded`, as `for=`.
    Forwarded,
    /// Nowhere: proxies speak for themselves.
    None,
}

/// A piece that names no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

impl ForwardedHeader {
    /// Name of the header, if there is one.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::XForwardedFor => Some("x-forwarded-for"),
            Self::Forwarded => Some("forwarded"),
            Self::None => None,
        }
    }

    /// The client behind `proxy`: the last address that is not a trusted proxy itself. A proxy that names nobody asks for itself.
    pub fn client(
        self,
        proxy: IpAddr,
        headers: &HeaderMap,
        trusted: &Allowlist,
    ) -> Result<IpAddr, Malformed> {
        let Some(name) = self.name() else {
            return Ok(proxy);
        };
        let mut client = proxy;
        let lines: Vec<&str> = headers
            .get_all(name)
            .iter()
            .map(|line| line.to_str().map_err(|_| Malformed))
            .collect::<Result<_, _>>()?;
        let pieces = lines.iter().flat_map(|line| line.split(','));
        let mut found = false;
        for piece in pieces.rev() {
            let address = self.address(piece.trim())?;
            if !found {
                client = address;
                found = !trusted.allows(address);
            }
        }
        Ok(client)
    }

    fn address(self, piece: &str) -> Result<IpAddr, Malformed> {
        let node = match self {
            Self::Forwarded => piece
                .split(';')
                .filter_map(|pair| pair.trim().split_once('='))
                .find(|(name, _)| name.eq_ignore_ascii_case("for"))
                .map(|(_, node)| node.trim().trim_matches('"'))
                .ok_or(Malformed)?,
            _ => piece,
        };
        node_address(node).ok_or(Malformed)
    }
}

/// An address with or without brackets, port and zone.
fn node_address(node: &str) -> Option<IpAddr> {
    let host = if let Some(rest) = node.strip_prefix('[') {
        let (host, port) = rest.split_once(']')?;
        let is_port = port.is_empty() || port.strip_prefix(':').is_some_and(is_digits);
        is_port.then_some(host)?
    } else if let Some((host, port)) = node.split_once(':').filter(|(_, port)| !port.contains(':'))
    {
        is_digits(port).then_some(host)?
    } else {
        node
    };
    let host = host.split_once('%').map_or(host, |(host, _zone)| host);
    host.parse().ok().map(canonical)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Scheme, host and path in front of ours, as the phone wrote them to a trusted proxy; what the proxy does not say is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Front<'a> {
    /// `http` or `https`.
    pub scheme: Option<&'a str>,
    /// Host, unchecked.
    pub host: Option<&'a str>,
    /// Port, digits alone.
    pub port: Option<&'a str>,
    /// Path without a slash at the end; empty = none.
    pub prefix: &'a str,
}

impl<'a> Front<'a> {
    /// Reads the headers of a trusted proxy.
    pub fn read(headers: &'a HeaderMap) -> Self {
        let scheme = first(headers, "x-forwarded-proto");
        let port = first(headers, "x-forwarded-port").filter(|port| is_digits(port));
        let prefix =
            first(headers, "x-script-name").or_else(|| first(headers, "x-forwarded-prefix"));
        Self {
            scheme: scheme.filter(|scheme| matches!(*scheme, "http" | "https")),
            host: first(headers, "x-forwarded-host"),
            port,
            prefix: prefix
                .map(|prefix| prefix.trim_end_matches('/'))
                .filter(|prefix| is_path(prefix))
                .unwrap_or(""),
        }
    }

    /// What stands in links for the phone that wrote `own` in Host: what the proxy says, else `own`; with the proxy's port where none
    /// is written.
    pub fn authority(&self, own: &'a str) -> Cow<'a, str> {
        let host = self.host.unwrap_or(own);
        match self.port {
            Some(port) if !has_port(host) => Cow::Owned(format!("{host}:{port}")),
            _ => Cow::Borrowed(host),
        }
    }
}

fn first<'a>(headers: &'a HeaderMap, name: &'static str) -> Option<&'a str> {
    let value = headers.get(HeaderName::from_static(name))?.to_str().ok()?;
    let value = value.split(',').next().unwrap_or("").trim();
    (!value.is_empty()).then_some(value)
}

fn has_port(host: &str) -> bool {
    host.rsplit_once(':')
        .is_some_and(|(_, port)| is_digits(port))
        && (!host.starts_with('[') || host.contains("]:"))
}

fn is_path(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
    text.starts_with('/') && text.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, HeaderValue::from_static(value));
        }
        map
    }

    fn client(
        kind: ForwardedHeader,
        lines: &[(&'static str, &'static str)],
    ) -> Result<String, Malformed> {
        let entries = ["10.0.0.0/24".to_owned(), "2001:db8:1::/48".to_owned()];
        let trusted = Allowlist::parse(&entries).expect("good entries");
        let proxy = "10.0.0.1".parse().expect("an address");
        kind.client(proxy, &headers(lines), &trusted)
            .map(|address| address.to_string())
    }

    #[test]
    fn the_last_address_that_is_no_proxy_is_the_client() {
        for (line, expected) in [
            ("192.0.2.7", "192.0.2.7"),
            ("10.99.0.1, 192.0.2.7", "192.0.2.7"),
            ("192.0.2.7, 10.0.0.2, 10.0.0.3", "192.0.2.7"),
            ("10.0.0.9, 10.0.0.2", "10.0.0.9"),
            ("192.0.2.7:5060", "192.0.2.7"),
            ("[2001:db8::7]:5060", "2001:db8::7"),
            ("[2001:db8::7]", "2001:db8::7"),
            ("2001:db8::7", "2001:db8::7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("fe80::1%eth0", "fe80::1"),
        ] {
            let found = client(ForwardedHeader::XForwardedFor, &[("x-forwarded-for", line)]);
            assert_eq!(found.as_deref(), Ok(expected), "{line}");
        }
    }

    #[test]
    fn several_header_lines_are_one_list() {
        let lines = [
            ("x-forwarded-for", "192.0.2.7"),
            ("x-forwarded-for", "10.0.0.2"),
        ];
        let found = client(ForwardedHeader::XForwardedFor, &lines);
        assert_eq!(found.as_deref(), Ok("192.0.2.7"));
    }

    #[test]
    fn a_malformed_piece_spoils_the_whole_list() {
        for line in [
            "",
            "phone",
            "192.0.2.7,",
            ",192.0.2.7",
            "192.0.2.7:x",
            "[::1",
            "[::1]x",
            "1.2.3.4.5",
            "rubbish, 192.0.2.7",
        ] {
            let found = client(ForwardedHeader::XForwardedFor, &[("x-forwarded-for", line)]);
            assert_eq!(found, Err(Malformed), "{line}");
        }
    }

    #[test]
    fn the_standard_header_is_read_when_it_is_chosen() {
        for (line, expected) in [
            ("for=192.0.2.7;proto=http", Ok("192.0.2.7")),
            (
                "for=1.2.3.4, For=\"[2001:db8::7]:5060\";by=10.0.0.1",
                Ok("2001:db8::7"),
            ),
            ("for=unknown", Err(Malformed)),
            ("proto=http", Err(Malformed)),
        ] {
            let found = client(ForwardedHeader::Forwarded, &[("forwarded", line)]);
            assert_eq!(found.as_deref(), expected.as_deref(), "{line}");
        }
        let forged = [("x-forwarded-for", "192.0.2.7")];
        assert_eq!(
            client(ForwardedHeader::Forwarded, &forged).as_deref(),
            Ok("10.0.0.1")
        );
        assert_eq!(
            client(ForwardedHeader::None, &forged).as_deref(),
            Ok("10.0.0.1")
        );
    }

    #[test]
    fn links_are_made_of_what_the_phone_wrote_to_the_proxy() {
        let all = headers(&[
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "pbx.example, inner"),
            ("x-forwarded-port", "8443"),
            ("x-script-name", "/phones/"),
        ]);
        let front = Front::read(&all);
        assert_eq!(
            (front.scheme, &*front.authority("inner:1"), front.prefix),
            (Some("https"), "pbx.example:8443", "/phones")
        );
        let odd = headers(&[
            ("x-forwarded-proto", "gopher"),
            ("x-forwarded-host", "pbx.example:1"),
            ("x-forwarded-port", "8443"),
            ("x-forwarded-prefix", "/a\"b"),
        ]);
        let front = Front::read(&odd);
        assert_eq!(
            (front.scheme, &*front.authority("inner"), front.prefix),
            (None, "pbx.example:1", "")
        );
        let port = headers(&[("x-forwarded-port", "8443")]);
        let front = Front::read(&port);
        for (own, expected) in [
            ("pbx.example", "pbx.example:8443"),
            ("pbx.example:80", "pbx.example:80"),
            ("[2001:db8::7]", "[2001:db8::7]:8443"),
        ] {
            assert_eq!(front.authority(own), expected);
        }
    }
}
