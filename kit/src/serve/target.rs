//! Brings the request target into the one form the service sees: origin form, with the authority in `Host`.

use http::uri::PathAndQuery;
use http::{HeaderValue, Request, Uri, header};

use super::refusal::Refusal;

/// Checks and normalises the target (phoned.md §2.1): an absolute form is accepted when its authority equals `Host` or when
/// there is no `Host`, which is then set from it. More than one `Host` is refused. A missing `Host` is not.
pub(super) fn normalise<B>(request: &mut Request<B>) -> Result<(), Refusal> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let host = hosts.next();
    if hosts.next().is_some() {
        return Err(Refusal::Malformed);
    }
    let uri = request.uri();
    let Some(authority) = uri.authority() else {
        return Ok(());
    };
    let port = match uri.scheme_str() {
        Some("http") => ":80",
        Some("https") => ":443",
        _ => return Err(Refusal::Malformed),
    };
    if authority.as_str().contains('@') {
        return Err(Refusal::Malformed);
    }
    match host {
        Some(host) if !same_authority(authority.as_str(), host.as_bytes(), port) => {
            return Err(Refusal::Malformed);
        }
        Some(_) => {}
        None => {
            let value = HeaderValue::from_str(authority.as_str());
            let value = value.map_err(|_| Refusal::Malformed)?;
            request.headers_mut().insert(header::HOST, value);
        }
    }
    *request.uri_mut() = origin_form(request.uri());
    Ok(())
}

fn origin_form(uri: &Uri) -> Uri {
    let root = || PathAndQuery::from_static("/");
    Uri::from(uri.path_and_query().cloned().unwrap_or_else(root))
}

fn same_authority(authority: &str, host: &[u8], default_port: &str) -> bool {
    let bare = |text: &[u8]| -> usize {
        let port = default_port.as_bytes();
        text.strip_suffix(port).map_or(text.len(), <[u8]>::len)
    };
    let authority = authority.as_bytes();
    authority[..bare(authority)].eq_ignore_ascii_case(&host[..bare(host)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normalised(uri: &str, hosts: &[&str]) -> Option<(String, Option<String>)> {
        let mut request = Request::builder().uri(uri);
        for host in hosts {
            request = request.header("host", *host);
        }
        let mut request = request.body(()).unwrap();
        normalise(&mut request).ok()?;
        let host = request.headers().get("host");
        let host = host.map(|value| value.to_str().unwrap().to_owned());
        Some((request.uri().to_string(), host))
    }

    #[test]
    fn an_absolute_form_must_name_the_host() {
        let served = Some(("/p?q=1".to_owned(), Some("Phone".to_owned())));
        assert_eq!(normalised("http://phone/p?q=1", &["Phone"]), served);
        assert_eq!(normalised("http://phone:80/p?q=1", &["Phone"]), served);
        assert_eq!(normalised("http://other/p", &["phone"]), None);
        assert_eq!(normalised("http://u@phone/p", &["u@phone"]), None);
        assert_eq!(normalised("ftp://phone/p", &["phone"]), None);
        assert_eq!(normalised("http://phone:81/p", &["phone"]), None);
    }

    #[test]
    fn without_host_the_authority_stands_in() {
        let served = Some(("/".to_owned(), Some("phone:9498".to_owned())));
        assert_eq!(normalised("http://phone:9498", &[]), served);
    }

    #[test]
    fn one_host_or_none_for_the_origin_form() {
        assert_eq!(normalised("/p", &[]), Some(("/p".to_owned(), None)));
        assert_eq!(normalised("/p", &["a", "a"]), None);
    }
}
