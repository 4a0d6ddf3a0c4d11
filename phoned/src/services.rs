//! `/{vendor}/users/{user_uuid}/services/dnd/enable|disable` (phoned.md §12.1): a telephone whose do-not-disturb key was pressed tells
//! the server. The telephone does not read the answer; some show an error when its status is not 200.

use std::{future::ready, sync::Arc, time::Instant as Started};

use axum::{
    Router,
    extract::Request,
    routing::{MethodRouter, get},
};
use bytes::Bytes;
use http::{StatusCode, request::Parts};
use tokio::time::Instant;

use crate::{
    app::App,
    cors,
    error::PhoneError,
    gate::signature::{Claim, PARAMETER},
    query::{Query, segment},
    respond, router, tally,
    turn::ListenerTurns,
    vendor::registry::Vendor,
};

/// What such a request counts as towards the rate limit (phoned.md §15).
const WEIGHT: u32 = 2;
/// JSON for "nothing to say", with its line end.
const NOTHING: &[u8] = b"\"\"\n";

/// Paths of the makes that have these routes, with what each wants.
pub fn paths(makes: &[Arc<Vendor>]) -> Vec<(String, Arc<Vendor>, bool)> {
    let able = makes.iter().filter(|make| make.manifest.keys.is_some());
    let both = able.flat_map(|make| [(make, true), (make, false)]);
    both.map(|(make, enabled)| {
        let word = if enabled { "enable" } else { "disable" };
        let path = format!("/0.1/{}/users/{{user_uuid}}/services/dnd/{word}", make.name);
        (path, Arc::clone(make), enabled)
    })
    .collect()
}

/// Adds the routes to `router`.
pub fn routes(mut router: Router, app: &Arc<App>) -> Router {
    for (path, make, enabled) in paths(&app.registry.vendors) {
        router = router.route(&path, route(app, path.clone(), make, enabled));
    }
    router
}

fn route(app: &Arc<App>, template: String, make: Arc<Vendor>, enabled: bool) -> MethodRouter {
    let path = template.clone();
    let shared = Arc::new((template, make));
    let app = Arc::clone(app);
    let answer = move |request: Request| {
        let (app, shared) = (Arc::clone(&app), Arc::clone(&shared));
        async move {
            let started = Started::now();
            let (template, make) = &*shared;
            let request = request.into_parts().0;
            let mut response = match switch(&app, make, enabled, &request).await {
                Ok(()) => respond::private_json(StatusCode::OK, Bytes::from_static(NOTHING)),
                Err(error) => respond::json(&error),
            };
            cors::add_for_phones(&app.config.rest_api.cors, &request, &mut response);
            let status = response.status();
            tally::answered(&make.name, "dnd", status.as_str(), started.elapsed());
            router::log(&request.method, template, &response, started);
            response
        }
    };
    get(answer).options(move || ready(router::options(&path)))
}

async fn switch(
    app: &App,
    make: &Vendor,
    enabled: bool,
    request: &Parts,
) -> Result<(), PhoneError> {
    let caller = app.gate.admit(request, Some(&make.name))?;
    app.gate.pace(&caller, WEIGHT)?;
    let settings = caller.settings();
    let within = settings.and_then(|settings| settings.tenant.as_deref());
    let user = segment(request.uri.path(), 4);
    let query = Query::parse(request.uri.query().unwrap_or(""));
    let claim = Claim {
        vendor: &make.name,
        profile: "",
        user: &user,
    };
    let signature = query.get(PARAMETER);
    app.gate.check_link(&caller, claim, signature)?;
    let limits = app.config.limits;
    app.gate.may_ask(limits, &caller, || Some(user.clone()))?;
    let _turn = match ListenerTurns::of(request) {
        Some(turns) => Some(turns.take().await?),
        None => None,
    };
    let by = Instant::now() + app.config.lookup.deadline;
    let switched = app.endpoints.switch_dnd(&user, enabled, within, by).await;
    switched.inspect_err(|error| app.gate.note_guess(limits, &caller, error))
}
