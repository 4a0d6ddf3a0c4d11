//! What a phone's request says about itself: where it was sent, for which profile and user, in which language and encoding.

use std::borrow::Cow;

use http::{HeaderMap, header, request::Parts};

use super::{PhoneRoute, link::Place, short::ShortLinker};
use crate::{
    app::App,
    error::PhoneError,
    gate::{Caller, signature::PARAMETER},
    lang::{Locale, weight},
    query::{Query, segment},
    vendor::{
        manifest::{Download, ErrorLook, Form, UserPlace},
        registry::Documents,
        render::{Charset, Page},
        traits::Traits,
    },
};

/// A request, read as far as it can be read without failing.
pub struct Asked<'a> {
    /// The route it came by.
    pub route: &'a PhoneRoute,
    /// Its parameters.
    pub query: Query<'a>,
    /// The profile, decoded.
    pub profile: String,
    /// The user, decoded; `None` when missing.
    pub user: Option<String>,
    base: Result<Cow<'a, str>, PhoneError>,
    fallback: String,
    locale: &'a Locale,
    lang: Option<&'a str>,
    charset: Charset,
    rich: bool,
    traits: Traits,
    short: Option<ShortLinker<'a>>,
    carries_signature: bool,
    /// The only tenant whose users exist for the phone.
    pub within: Option<&'a str>,
}

impl<'a> Asked<'a> {
    /// Reads `request`, which came by `route`.
    pub fn read(
        app: &'a App,
        route: &'a PhoneRoute,
        caller: &'a Caller<'_>,
        request: &'a Parts,
    ) -> Self {
        let uri = &request.uri;
        let query = Query::parse(uri.query().unwrap_or(""));
        let catalogue = &app.registry.catalogue;
        let requested = query.get("lang").and_then(|tag| catalogue.find(tag));
        let header = text(&request.headers, &header::ACCEPT_LANGUAGE);
        let manifest = &route.vendor.manifest;
        let rich = is_rich(route, caller);
        let settings = caller.settings();
        let usual = settings
            .and_then(|settings| settings.locale.as_deref())
            .filter(|_| header.is_none())
            .and_then(|tag| catalogue.find(tag));
        Self {
            route,
            profile: profile(route, request),
            user: user(route, request),
            base: base(app, caller, &request.headers),
            fallback: local(caller),
            locale: requested
                .or(usual)
                .unwrap_or_else(|| catalogue.choose(None, header)),
            lang: requested.map(|locale| locale.tag.as_str()),
            charset: charset(route, &request.headers),
            rich,
            traits: Traits::read(manifest, rich, &request.headers, &query),
            short: (rich && manifest.short_links()).then_some(ShortLinker {
                links: &app.short_links,
                phone: caller.address,
            }),
            carries_signature: app.gate.looks_at_signatures(),
            within: settings.and_then(|settings| settings.tenant.as_deref()),
            query,
        }
    }

    /// The first thing that makes the address of the request unusable.
    pub fn check(&self) -> Result<(), PhoneError> {
        if self.profile.is_empty() || self.profile.contains('/') {
            return Err(PhoneError::NotFound);
        }
        self.base.as_ref().map(|_| ()).map_err(Clone::clone)
    }

    /// The shape of the answer. Usable even when [`Asked::check`] fails: error pages have a shape too.
    pub fn page(&self) -> Page<'_> {
        Page {
            vendor: &self.route.vendor,
            place: Place {
                base: self.base.as_deref().unwrap_or(&self.fallback),
                form: self.route.form,
                vendor: &self.route.vendor.name,
                profile: &self.profile,
                user: self.user.as_deref().unwrap_or(""),
                user_place: self.route.vendor.manifest.user,
                file: self.route.vendor.manifest.file.as_deref(),
                lang: self.lang,
                signature: self.query.get(PARAMETER).filter(|_| self.carries_signature),
            },
            locale: self.locale,
            charset: self.charset,
            rich: self.rich,
            traits: &self.traits,
            short: self.short,
        }
    }

    /// The file that this request gets instead of its document, if it gets one.
    pub fn download(&self) -> Option<&Download> {
        let manifest = &self.route.vendor.manifest;
        manifest.downloaded(self.route.step, &self.traits.families)
    }

    /// Whether the phone keeps what it is answered, so that an error must not look like a document.
    pub fn keeps_answers(&self) -> bool {
        self.route.vendor.manifest.errors == ErrorLook::Status || self.download().is_some()
    }

    /// The text of a label in the phone's language.
    pub fn label(&self, label: &str) -> &str {
        self.locale.label(label)
    }
}

/// The profile that `request` names, decoded; empty when missing.
pub fn profile(route: &PhoneRoute, request: &Parts) -> String {
    let index = if route.form == Form::Old { 4 } else { 5 };
    segment(request.uri.path(), index)
}

/// The user that `request` names, decoded; `None` when missing.
pub fn user(route: &PhoneRoute, request: &Parts) -> Option<String> {
    let uri = &request.uri;
    match route.vendor.manifest.user {
        UserPlace::Query => {
            let query = Query::parse(uri.query().unwrap_or(""));
            query.get("xivo_user_uuid").map(str::to_owned)
        }
        UserPlace::Path => Some(segment(uri.path(), 6)),
    }
}

/// A header as text, if it is ASCII.
pub fn text<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Whether the phone gets the richer documents.
pub fn is_rich(route: &PhoneRoute, caller: &Caller<'_>) -> bool {
    let documents = caller.settings().and_then(|settings| settings.documents);
    documents.unwrap_or(route.vendor.documents) == Documents::Rich
}

/// Scheme and authority of links: configured, or as the phone wrote them, or our own end of the connection (D2).
fn base<'a>(
    app: &'a App,
    caller: &Caller<'_>,
    headers: &HeaderMap,
) -> Result<Cow<'a, str>, PhoneError> {
    let settings = &app.config.rest_api;
    if let Some(url) = &settings.public_url {
        return Ok(Cow::Borrowed(url.trim_end_matches('/')));
    }
    let front = caller.front.as_ref();
    let named = front.and_then(|front| front.host);
    let own = match (named, headers.get(header::HOST)) {
        (Some(host), _) => host,
        (None, Some(host)) => host.to_str().map_err(|_| PhoneError::BadHost)?,
        (None, None) => return Ok(Cow::Owned(local(caller))),
    };
    let host = front.map_or(Cow::Borrowed(own), |front| front.authority(own));
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".:[]-".contains(&byte);
    let allowed = settings.allowed_hosts.is_empty()
        || settings.allowed_hosts.iter().any(|name| names(name, &host));
    if host.is_empty() || !host.bytes().all(plain) || !allowed {
        return Err(PhoneError::BadHost);
    }
    let scheme = front
        .and_then(|front| front.scheme)
        .unwrap_or(scheme(caller));
    let prefix = front.map_or("", |front| front.prefix);
    Ok(Cow::Owned(format!("{scheme}://{host}{prefix}")))
}

/// Whether an entry of `allowed_hosts` names `host`, with or without its port.
fn names(entry: &str, host: &str) -> bool {
    let without_port = host
        .rsplit_once(':')
        .filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    entry.eq_ignore_ascii_case(host)
        || without_port.is_some_and(|(name, _)| entry.eq_ignore_ascii_case(name))
}

fn local(caller: &Caller<'_>) -> String {
    format!("{}://{}", scheme(caller), caller.local)
}

fn scheme(caller: &Caller<'_>) -> &'static str {
    if caller.tls { "https" } else { "http" }
}

/// Latin-1 for phones of makes that need it, when they prefer it to UTF-8 (phoned-vendors.md §3.6).
fn charset(route: &PhoneRoute, headers: &HeaderMap) -> Charset {
    let header = text(headers, &header::ACCEPT_CHARSET).filter(|_| route.vendor.manifest.latin1);
    header.map_or(Charset::Utf8, preferred)
}

fn preferred(accepted: &str) -> Charset {
    let weight_of = |wanted: &str| {
        accepted.split(',').find_map(|piece| {
            let (name, parameters) = piece.split_once(';').unwrap_or((piece, ""));
            name.trim()
                .eq_ignore_ascii_case(wanted)
                .then(|| weight(parameters).unwrap_or(0))
        })
    };
    let utf8 = weight_of("utf-8").or_else(|| weight_of("*")).unwrap_or(0);
    let latin1 = weight_of("iso-8859-1").unwrap_or(0);
    if latin1 > utf8 {
        Charset::Latin1
    } else {
        Charset::Utf8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latin1_is_sent_only_where_it_is_preferred() {
        for (accepted, expected) in [
            ("iso-8859-1, utf-8;q=0.8", Charset::Latin1),
            ("ISO-8859-1", Charset::Latin1),
            ("iso-8859-1,*;q=0.1", Charset::Latin1),
            ("utf-8, iso-8859-1;q=0.8", Charset::Utf8),
            ("iso-8859-1, utf-8", Charset::Utf8),
            ("*", Charset::Utf8),
            ("", Charset::Utf8),
        ] {
            assert_eq!(preferred(accepted), expected, "{accepted}");
        }
    }

    #[test]
    fn an_allowed_host_is_named_with_or_without_port() {
        assert!(names("pbx.example", "PBX.example:9498"));
        assert!(names("pbx.example:9498", "pbx.example:9498"));
        assert!(names("[2001:db8::7]", "[2001:db8::7]:9498"));
        assert!(!names("pbx.example", "evil.example"));
        assert!(!names("pbx.example:1", "pbx.example:2"));
    }
}
