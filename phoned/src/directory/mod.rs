//! The three requests a phone makes: menu, input, results (phoned.md §3.1). A document that was sent moments ago is sent again
//! as it was; else the request is read (`asked.rs`, `parameters.rs`), searched (`crate::lookup`), cut into a page (`page.rs`)
//! and rendered with links (`link.rs`).

pub mod asked;
pub mod link;
pub mod page;
pub mod parameters;
pub mod rows;

use std::{fmt::Write, sync::Arc, time::Instant};

use http::{HeaderValue, header, request::Parts};
use kit::serve::Peer;
use uuid::Uuid;

use crate::{
    app::App,
    cache::{Document, Outcome},
    error::PhoneError,
    lookup::{Ask, Found},
    respond::{self, Response},
    vendor::{
        manifest::{Form, Step},
        registry::Vendor,
        render::{Charset, RenderError, Wanted},
    },
};
use asked::Asked;
use parameters::{Faults, Terms};

/// One route of one make.
#[derive(Debug, Clone)]
pub struct PhoneRoute {
    /// The make.
    pub vendor: Arc<Vendor>,
    /// Which of the three requests.
    pub step: Step,
    /// Shape of the address.
    pub form: Form,
}

/// A document and whether its rows are older than they should be.
struct Made {
    document: Document,
    stale: bool,
}

/// Answers a phone.
pub async fn answer(app: &App, route: &PhoneRoute, request: &Parts) -> Response {
    let Some(peer) = request.extensions.get::<Peer>() else {
        return respond::json(&PhoneError::Internal);
    };
    if let Err(refusal) = app.gate.admit(peer.remote.ip()) {
        return respond::json(&refusal);
    }
    let key = document_key(route, peer, request);
    if let Some(key) = &key
        && let Some(document) = app.caches.documents.get(key.as_str()).await
    {
        return respond::document(&document, false);
    }
    let asked = Asked::read(app, route, peer, request);
    match make(app, &asked, request).await {
        Ok(made) => keep(app, key, made).await,
        Err(error) => respond::phone_error(app, &asked, &request.headers, &error),
    }
}

/// Sends a document, and keeps it for the next request of the same text unless it is stale.
async fn keep(app: &App, key: Option<String>, made: Made) -> Response {
    let response = respond::document(&made.document, made.stale);
    if let Some(key) = key.filter(|_| !made.stale) {
        app.caches
            .documents
            .insert(key.into(), Arc::new(made.document))
            .await;
    }
    response
}

/// Everything of a request that shapes its document, as text. A request without Host is answered afresh.
fn document_key(route: &PhoneRoute, peer: &Peer, request: &Parts) -> Option<String> {
    let headers = &request.headers;
    let host = asked::text(headers, &header::HOST)?;
    let language = asked::text(headers, &header::ACCEPT_LANGUAGE).unwrap_or("");
    let charset = Some(&header::ACCEPT_CHARSET).filter(|_| route.vendor.manifest.latin1);
    let charset = charset
        .and_then(|name| asked::text(headers, name))
        .unwrap_or("");
    let target = request.uri.path_and_query()?.as_str();
    let mut key =
        String::with_capacity(target.len() + host.len() + language.len() + charset.len() + 8);
    // Neither headers nor targets can hold a line end. Writing to a string cannot fail.
    let _ = write!(
        key,
        "{target}\n{host}\n{language}\n{charset}\n{}",
        u8::from(peer.tls)
    );
    Some(key)
}

async fn make(app: &App, asked: &Asked<'_>, request: &Parts) -> Result<Made, PhoneError> {
    asked.check()?;
    match asked.route.step {
        Step::Lookup => results(app, asked, request.headers.get("traceparent")).await,
        step => form(app, asked, step),
    }
}

fn form(app: &App, asked: &Asked<'_>, step: Step) -> Result<Made, PhoneError> {
    let mut faults = Faults::default();
    faults.required("xivo_user_uuid", asked.user.as_deref());
    faults.result()?;
    let body = app.registry.form(&asked.page(), step).map_err(internal)?;
    let fresh_until = Instant::now() + app.config.cache.lookup_ttl;
    Ok(Made {
        document: document(asked, body, fresh_until),
        stale: false,
    })
}

async fn results(
    app: &App,
    asked: &Asked<'_>,
    trace: Option<&HeaderValue>,
) -> Result<Made, PhoneError> {
    let (user, terms) = read_lookup(app, asked)?;
    let ask = Ask {
        profile: asked.profile.as_str().into(),
        user: user.into(),
        term: terms.term.as_str().into(),
        trace: trace.cloned(),
    };
    let Found { remembered, stale } = app.lookups.find(&ask).await?;
    let Outcome::Entries(entries) = &remembered.outcome else {
        return Err(PhoneError::UnknownProfile(asked.profile.clone()));
    };
    let wanted = Wanted {
        term: &terms.term,
        limit: terms.limit,
        offset: terms.offset,
    };
    let body = app
        .registry
        .results(&asked.page(), wanted, entries)
        .map_err(internal)?;
    Ok(Made {
        document: document(asked, body, remembered.fresh_until),
        stale,
    })
}

/// The user and the parameters of a lookup (phoned.md §5.2, §5.3).
fn read_lookup<'a>(app: &App, asked: &'a Asked<'_>) -> Result<(&'a str, Terms), PhoneError> {
    let vendor = &asked.route.vendor;
    let lenient = vendor
        .allow_missing_term
        .unwrap_or(app.config.lookup.allow_missing_term);
    let optional = vendor.manifest.term_optional || (vendor.manifest.browses && lenient);
    let mut faults = Faults::default();
    let user = faults.required("xivo_user_uuid", asked.user.as_deref());
    let terms = Terms::read(
        &asked.query,
        &vendor.manifest.parameters,
        optional,
        &mut faults,
    );
    faults.result()?;
    let is_uuid = user.len() == 36 && Uuid::try_parse(user).is_ok();
    if user.is_empty() || (app.config.lookup.strict_user_uuid && !is_uuid) {
        return Err(PhoneError::UnknownUser(user.to_owned()));
    }
    let least = app.config.lookup.min_term_length;
    if terms.term.chars().count() < least {
        return Err(PhoneError::ShortTerm(least));
    }
    Ok((user, terms))
}

fn document(asked: &Asked<'_>, body: bytes::Bytes, fresh_until: Instant) -> Document {
    let page = asked.page();
    Document {
        content_type: match page.charset {
            Charset::Utf8 => page.vendor.utf8.clone(),
            Charset::Latin1 => page.vendor.latin1.clone(),
        },
        vary: respond::vary(page.vendor),
        body,
        fresh_until,
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "used as a function of map_err"
)]
fn internal(error: RenderError) -> PhoneError {
    tracing::error!(%error, "a template failed");
    PhoneError::Internal
}
