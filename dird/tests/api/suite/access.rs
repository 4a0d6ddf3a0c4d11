//! Tokens: which are good enough for a route, and what the others are told (dird-api.md §2, §3).

use dird::api::enabled::Enabled;
use dird::api::route::Route;
use dird::error::Family;
use dird::router::enabled_routes;
use serde_json::{Value, json};

use super::{Trial, is_success};
use crate::cases::expected::{NOTHING, assert_answer};
use crate::cases::{Cases, Reach, all};
use crate::site::{Site, answer};

in_every_setting!(
    no_route_answers_a_token_that_is_missing_unknown_or_expired,
    every_route_asks_for_its_own_access_and_for_no_other,
    no_route_lets_a_token_into_a_tenant_that_it_does_not_see,
);

/// Every route that needs a token, with its line in the table.
fn guarded<'a>(site: &'a Site, cases: &'a [Cases]) -> Vec<(Trial<'a>, Route)> {
    let routes = enabled_routes(&Enabled::default());
    let of = |cases: &Cases| {
        let named = |route: &&Route| format!("{} {}", route.method, route.path) == cases.route;
        routes.iter().find(named).cloned().unwrap()
    };
    let trials = Trial::of(site, cases, |cases| !of(cases).is_open());
    trials
        .into_iter()
        .map(|trial| {
            let route = of(trial.cases);
            (trial, route)
        })
        .collect()
}

/// The answer to a refused token in the family of the route.
fn unauthorized(route: &Route, details: &Value) -> Value {
    match route.family {
        Family::Legacy => {
            json!({"reason": ["Unauthorized"], "timestamp": "<number>", "status_code": 401})
        }
        Family::New => json!({"message": "Unauthorized", "error_id": "unauthorized",
            "details": details, "timestamp": "<number>"}),
    }
}

async fn no_route_answers_a_token_that_is_missing_unknown_or_expired(site: Site) {
    let cases = all();
    for (trial, route) in guarded(&site, &cases) {
        for token in ["", "unknown", &site.expired] {
            let made = trial.nothing();
            // The token is looked at before the body.
            let request = trial.request(&made, token).body("no json");
            let (status, body) = answer(request.send().await.unwrap()).await;
            let about = format!("{} with {token:?}", trial.cases.route);
            assert_eq!(status, 401, "{about}: {body}");
            let details = json!({"invalid_token": token, "reason": "not_found_or_expired",
                "required_access": trial.cases.fill(&route.access, &made)});
            assert_answer(&about, &body, &unauthorized(&route, &details), &made);
        }
    }
}

async fn every_route_asks_for_its_own_access_and_for_no_other(site: Site) {
    let cases = all();
    // Tokens of the site's own tenant; the configuration has tests of its own.
    let guarded = guarded(&site, &cases).into_iter();
    for (trial, route) in guarded.filter(|(trial, _)| trial.cases.reach != Reach::Master) {
        let (name, made) = (&trial.cases.route, trial.make("access").await);
        let access = trial.cases.fill(&route.access, &made);
        let others = site.with_access(&["#", &format!("!{access}")]).await;
        let (status, body) = trial.send(&made, &others).await;
        assert_eq!(status, 401, "{name} with every access but its own: {body}");
        let details = json!({"invalid_token": others, "tenant_uuid": null,
            "reason": "missing_permission_or_invalid_tenant", "required_access": access});
        assert_answer(name, &body, &unauthorized(&route, &details), &made);
        let (status, body) = trial.send(&made, &site.nobody).await;
        assert_eq!(status, 401, "{name} without any access: {body}");
        let only = site.with_access(&[&access]).await;
        let (status, body) = trial.send(&made, &only).await;
        let passes = is_success(status) || trial.cases.reach == Reach::Elsewhere && status != 401;
        assert!(passes, "{name} with {access} alone: {status} {body}");
    }
}

async fn no_route_lets_a_token_into_a_tenant_that_it_does_not_see(site: Site) {
    let cases = all();
    for (trial, route) in guarded(&site, &cases) {
        for tenant in [&site.tenant, "nope", NOTHING] {
            let made = trial.nothing();
            let request = trial.request(&made, &site.gina);
            let request = request.header("Wazo-Tenant", tenant);
            let (status, body) = answer(request.send().await.unwrap()).await;
            let about = format!("{} in {tenant}", trial.cases.route);
            assert_eq!(status, 401, "{about}: {body}");
            let details = json!({"invalid_token": site.gina, "tenant_uuid": tenant,
                "reason": "missing_permission_or_invalid_tenant",
                "required_access": trial.cases.fill(&route.access, &made)});
            assert_answer(&about, &body, &unauthorized(&route, &details), &made);
        }
    }
}
