//! The three requests a phone makes: menu, input, results (phoned.md §3.1). A document that was sent moments ago is sent again
//! as it was; else the request is read (`asked.rs`, `parameters.rs`), searched (`crate::lookup`), cut into a page (`page.rs`)
//! and rendered with links (`link.rs`).

pub mod asked;
pub mod link;
pub mod page;
pub mod parameters;
mod results;
pub mod rows;
pub mod short;
pub mod signed;

use std::{fmt::Write, sync::Arc, time::Instant};

use crate::{
    app::App,
    cache::Document,
    error::PhoneError,
    gate::{
        Caller,
        signature::{Claim, PARAMETER},
    },
    query::Query,
    respond::{self, Response},
    tally,
    vendor::{
        manifest::{Form, Step},
        registry::Vendor,
        render::{Charset, RenderError},
        traits::Traits,
    },
};
use asked::Asked;
use http::{header, request::Parts};
use parameters::Faults;

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

/// Answers the phone that follows a short link: with the page that the link stands for (phoned-vendors.md §7.4), whose route
/// comes with it.
pub async fn follow<'a>(
    app: &App,
    routes: &'a [PhoneRoute],
    request: &Parts,
) -> (Option<&'a PhoneRoute>, Response) {
    let caller = match app.gate.admit(request, None) {
        Ok(caller) => caller,
        Err(refusal) => return (None, respond::json(&refusal)),
    };
    let token = request.uri.path().rsplit('/').next().unwrap_or("");
    let target = app.short_links.follow(token, caller.address);
    let page = target.and_then(|target| {
        let made_by = |route: &&PhoneRoute| {
            route.step == Step::Lookup
                && route.vendor.name == target.vendor
                && target.is_of(route.form)
        };
        Some((routes.iter().find(made_by)?, target.address.parse().ok()?))
    });
    let Some((route, uri)) = page else {
        return (None, respond::json(&PhoneError::NotFound));
    };
    if let Err(refusal) = app.gate.check_make(&caller, &route.vendor.name) {
        return (Some(route), respond::json(&refusal));
    }
    let mut followed = request.clone();
    followed.uri = uri;
    let response = page_for(app, route, &caller, &followed).await;
    (Some(route), response)
}

/// Answers a phone.
pub async fn answer(app: &App, route: &PhoneRoute, request: &Parts) -> Response {
    match app.gate.admit(request, Some(&route.vendor.name)) {
        Ok(caller) => page_for(app, route, &caller, request).await,
        Err(refusal) => respond::json(&refusal),
    }
}

/// Answers a phone that was let in.
async fn page_for(app: &App, route: &PhoneRoute, caller: &Caller<'_>, request: &Parts) -> Response {
    let limits = app.config.limits;
    let user = || asked::user(route, request);
    let paced = app.gate.pace(caller, 1);
    let signed = paced.and_then(|()| check_link(app, route, caller, request));
    let allowed = signed.and_then(|()| app.gate.may_ask(limits, caller, user));
    if let Err(error) = allowed {
        let asked = Asked::read(app, route, caller, request);
        return respond::phone_error(app, &asked, &request.headers, &error);
    }
    let key = document_key(route, caller, request);
    if let Some(key) = &key
        && let Some(document) = app.caches.documents.get(key.as_str()).await
        && !is_outdated(app, &document)
    {
        tally::remembered("document", "hit");
        return respond::document(&document, false, &request.headers);
    }
    // On the heap, so that the many pages which are remembered do not pay for what a search keeps.
    Box::pin(afresh(app, route, caller, request, key)).await
}

/// Makes the page and keeps it under `key`.
async fn afresh(
    app: &App,
    route: &PhoneRoute,
    caller: &Caller<'_>,
    request: &Parts,
    key: Option<String>,
) -> Response {
    let asked = Asked::read(app, route, caller, request);
    match make(app, &asked, request).await {
        Ok(made) => keep(app, key, made, request).await,
        Err(error) => {
            app.gate.note_guess(app.config.limits, caller, &error);
            respond::phone_error(app, &asked, &request.headers, &error)
        }
    }
}

/// Whether the link is signed for the user that it names. One that names none is answered as what it is.
fn check_link(
    app: &App,
    route: &PhoneRoute,
    caller: &Caller<'_>,
    request: &Parts,
) -> Result<(), PhoneError> {
    if !app.gate.looks_at_signatures() {
        return Ok(());
    }
    let Some(user) = asked::user(route, request) else {
        return Ok(());
    };
    let query = Query::parse(request.uri.query().unwrap_or(""));
    let claim = Claim {
        vendor: &route.vendor.name,
        profile: &asked::profile(route, request),
        user: &user,
    };
    app.gate.check_link(caller, claim, query.get(PARAMETER))
}

/// Whether something has changed where the people in `document` are.
fn is_outdated(app: &App, document: &Document) -> bool {
    let outdated = &app.caches.outdated;
    let owner = document.owner.as_ref();
    owner.is_some_and(|owner| outdated.since(owner.asked, &owner.user, &owner.tenant))
}

/// Sends a document, and keeps it for the next request of the same text unless it is stale.
async fn keep(app: &App, key: Option<String>, made: Made, request: &Parts) -> Response {
    let response = respond::document(&made.document, made.stale, &request.headers);
    if let Some(key) = key.filter(|_| !made.stale) {
        app.caches
            .documents
            .insert(key.into(), Arc::new(made.document))
            .await;
    }
    response
}

/// Everything of a request that shapes its document, as text. A request without Host is answered afresh, and so is one whose
/// links are for its phone alone.
fn document_key(route: &PhoneRoute, caller: &Caller<'_>, request: &Parts) -> Option<String> {
    let (manifest, headers) = (&route.vendor.manifest, &request.headers);
    let rich = asked::is_rich(route, caller);
    if rich && manifest.short_links() {
        return None;
    }
    let host = asked::text(headers, &header::HOST)?;
    let language = asked::text(headers, &header::ACCEPT_LANGUAGE).unwrap_or("");
    let charset = Some(&header::ACCEPT_CHARSET).filter(|_| manifest.latin1);
    let charset = charset
        .and_then(|name| asked::text(headers, name))
        .unwrap_or("");
    let phone = Traits::read(manifest, rich, headers, &Query::default()).key();
    let target = request.uri.path_and_query()?.as_str();
    let length = target.len() + host.len() + language.len() + charset.len() + phone.len();
    let mut key = String::with_capacity(length + 8);
    // Neither headers nor targets can hold a line end. Writing to a string cannot fail.
    let _ = write!(
        key,
        "{target}\n{host}\n{language}\n{charset}\n{phone}\n{}{}",
        u8::from(caller.tls),
        u8::from(rich)
    );
    if let Some(settings) = caller.settings() {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let (tenant, locale) = (text(&settings.tenant), text(&settings.locale));
        let _ = write!(key, "\n{tenant}\n{locale}");
    }
    if let Some(front) = &caller.front {
        let _ = write!(key, "\n{front:?}");
    }
    Some(key)
}

async fn make(app: &App, asked: &Asked<'_>, request: &Parts) -> Result<Made, PhoneError> {
    asked.check()?;
    match asked.route.step {
        Step::Lookup => results::lookup(app, asked, request).await,
        step => form(app, asked, step, request).await,
    }
}

async fn form(
    app: &App,
    asked: &Asked<'_>,
    step: Step,
    request: &Parts,
) -> Result<Made, PhoneError> {
    let mut faults = Faults::default();
    faults.required("xivo_user_uuid", asked.user.as_deref());
    faults.result()?;
    if let Some(download) = asked.download() {
        return results::download(app, asked, download, request).await;
    }
    let body = app.registry.form(&asked.page(), step).map_err(internal)?;
    let fresh_until = Instant::now() + app.config.cache.lookup_ttl;
    Ok(Made {
        document: document(asked, body, fresh_until),
        stale: false,
    })
}

fn document(asked: &Asked<'_>, body: bytes::Bytes, fresh_until: Instant) -> Document {
    let page = asked.page();
    let rich = Some(&page.vendor.manifest.rich).filter(|_| page.rich);
    let is_result = asked.route.step == Step::Lookup;
    Document {
        etag: rich
            .filter(|rich| rich.etag && is_result)
            .and_then(|_| respond::etag(&body)),
        expired: rich.is_some_and(|rich| rich.expires && is_result),
        content_type: match page.charset {
            Charset::Utf8 => page.vendor.utf8.clone(),
            Charset::Latin1 => page.vendor.latin1.clone(),
        },
        vary: respond::vary(page.vendor),
        body,
        fresh_until,
        owner: None,
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
