//! Answers that hold people: result lists, the name of a caller, the file of a phone that downloads its directory. Each is one
//! search whose outcome is shared by all makes (`crate::lookup`).

use std::time::Instant;

use http::{HeaderValue, request::Parts};
use kit::trace::Trace;

use super::{
    Made,
    asked::Asked,
    document, internal,
    parameters::{Faults, Terms, caller},
};
use crate::{
    app::App,
    cache::{canonical, is_uuid},
    dird_client::Question,
    error::PhoneError,
    lookup::{Ask, Found},
    tally,
    turn::ListenerTurns,
    vendor::{
        manifest::{Download, TermRule},
        render::{Caller, Listed, Wanted},
    },
};

/// The page of results that is asked for, or the caller's name.
pub(super) async fn lookup(
    app: &App,
    asked: &Asked<'_>,
    request: &Parts,
) -> Result<Made, PhoneError> {
    let manifest = &asked.route.vendor.manifest;
    let (user, terms) = read(app, asked)?;
    let prefix = &app.config.numbers.international_prefix;
    let search = manifest.caller.as_ref();
    if let Some(search) = search
        && let Some((parameter, number)) =
            caller(search, &asked.query, &manifest.parameters, prefix)
    {
        return if manifest.is_on(&search.switch) {
            let found = find(app, asked, user, Question::Reverse(number.into()), request).await?;
            named(app, asked, parameter, &found)
        } else {
            nobody(app, asked, parameter)
        };
    }
    let least = app.config.lookup.min_term_length;
    if terms.term.chars().count() < least {
        return Err(PhoneError::ShortTerm(least));
    }
    let question = Question::Lookup(terms.term.as_str().into());
    let found = find(app, asked, user, question, request).await?;
    let wanted = Wanted {
        term: &terms.term,
        limit: terms.limit,
        offset: terms.offset,
        bytes: terms.bytes,
    };
    let entries = &found.remembered.entries;
    let listed = app.registry.results(&asked.page(), wanted, entries);
    Ok(made(
        asked,
        listed.map_err(internal)?,
        entries.len(),
        &found,
    ))
}

/// All people that the user may see, for phones that keep a copy (phoned-vendors.md §6.5).
pub(super) async fn download(
    app: &App,
    asked: &Asked<'_>,
    download: &Download,
    request: &Parts,
) -> Result<Made, PhoneError> {
    let user = known(app, asked.user.as_deref().unwrap_or(""))?;
    let question = Question::Lookup("".into());
    let found = find(app, asked, user, question, request).await?;
    let entries = &found.remembered.entries;
    let listed = app.registry.download(&asked.page(), download, entries);
    Ok(made(
        asked,
        listed.map_err(internal)?,
        entries.len(),
        &found,
    ))
}

/// The caller that was found, or that it is unknown (phoned-vendors.md §8.4).
fn named(app: &App, asked: &Asked<'_>, parameter: &str, found: &Found) -> Result<Made, PhoneError> {
    let caller = Caller {
        parameter,
        found: found.remembered.entries.first(),
    };
    let body = app.registry.caller(&asked.page(), caller);
    let listed = Listed {
        body: body.map_err(internal)?,
        left_out: None,
    };
    Ok(made(asked, listed, 1, found))
}

/// That the caller is unknown, without having asked.
fn nobody(app: &App, asked: &Asked<'_>, parameter: &str) -> Result<Made, PhoneError> {
    let caller = Caller {
        parameter,
        found: None,
    };
    let body = app.registry.caller(&asked.page(), caller);
    Ok(Made {
        document: document(asked, body.map_err(internal)?, Instant::now()),
        stale: false,
    })
}

async fn find(
    app: &App,
    asked: &Asked<'_>,
    user: &str,
    question: Question,
    request: &Parts,
) -> Result<Found, PhoneError> {
    let ask = Ask {
        profile: asked.profile.as_str().into(),
        user: canonical(user),
        question,
        within: asked.within.map(Into::into),
        trace: traced(request),
        listener: ListenerTurns::of(request).cloned(),
    };
    let found = app.lookups.find(&ask).await;
    found.map_err(|error| match error {
        // As the phone wrote it.
        PhoneError::UnknownUser(_) => PhoneError::UnknownUser(user.to_owned()),
        other => other,
    })
}

/// What dird is told of the trace that the request belongs to (phoned.md §7.3).
fn traced(request: &Parts) -> Option<HeaderValue> {
    let trace = request.extensions.get::<Trace>()?;
    trace.continues().then(|| trace.header()).flatten()
}

fn made(asked: &Asked<'_>, listed: Listed, rows: usize, found: &Found) -> Made {
    if let Some(reason) = listed.left_out {
        tally::left_out(&asked.route.vendor.name, reason, rows);
    }
    let mut document = document(asked, listed.body, found.remembered.fresh_until);
    document.owner = Some(found.owner.clone());
    Made {
        document,
        stale: found.stale,
    }
}

/// The user and the parameters of a lookup (phoned.md §5.2, §5.3).
fn read<'a>(app: &App, asked: &'a Asked<'_>) -> Result<(&'a str, Terms), PhoneError> {
    let vendor = &asked.route.vendor;
    let lenient = vendor
        .allow_missing_term
        .unwrap_or(app.config.lookup.allow_missing_term);
    let optional = match vendor.manifest.term {
        TermRule::Required => false,
        TermRule::Browses => lenient,
        TermRule::Optional => true,
    };
    let mut faults = Faults::default();
    let user = faults.required("xivo_user_uuid", asked.user.as_deref());
    let terms = Terms::read(
        &asked.query,
        &vendor.manifest.parameters,
        optional,
        &mut faults,
    );
    faults.result()?;
    Ok((known(app, user)?, terms))
}

/// `user`, unless it can be told without asking that nobody is called that (phoned.md §5.2, D8).
fn known<'a>(app: &App, user: &'a str) -> Result<&'a str, PhoneError> {
    if user.is_empty() || (app.config.lookup.strict_user_uuid && !is_uuid(user)) {
        return Err(PhoneError::UnknownUser(user.to_owned()));
    }
    Ok(user)
}
