//! Whose objects a route reaches: the caller's, those below, never anybody else's (dird-api.md §2.3, §6).

use serde_json::{Value, json};

use super::{Trial, is_success};
use crate::cases::expected::assert_answer;
use crate::cases::{Made, Reach, all};
use crate::site::{Site, answer};

in_every_setting!(every_route_reaches_the_tenants_that_it_should);

async fn every_route_reaches_the_tenants_that_it_should(site: Site) {
    let cases = all();
    for trial in Trial::of(&site, &cases, |_| true) {
        match trial.cases.reach {
            Reach::Elsewhere => {}
            Reach::Everybody => same_for_everybody(&trial).await,
            Reach::Master => for_the_master_tenant_only(&trial).await,
            Reach::Tenant => exactly_the_tenant(&trial).await,
            Reach::Recursing => below_when_asked(&trial).await,
            Reach::Below => always_below(&trial).await,
            Reach::Creates => in_the_tenant_of_the_request(&trial).await,
            Reach::Own => of_the_user_alone(&trial).await,
            Reach::OwnInTenant => of_a_user_in_the_tenant(&trial).await,
        }
    }
}

/// Status and body of the route's request in `tenant`, with a further parameter.
async fn send(
    trial: &Trial<'_>,
    made: &Made,
    token: &str,
    tenant: Option<&str>,
    parameter: &str,
) -> (u16, Value) {
    let mut request = trial.request_with(made, token, parameter);
    if let Some(tenant) = tenant {
        request = request.header("Wazo-Tenant", tenant);
    }
    answer(request.send().await.unwrap()).await
}

async fn same_for_everybody(trial: &Trial<'_>) {
    let made = trial.make("same").await;
    let own = trial.send(&made, &trial.site.alice).await;
    let foreign = send(trial, &made, &trial.site.gina, None, "recurse=true").await;
    assert_eq!(own, foreign, "{}", trial.cases.route);
}

async fn for_the_master_tenant_only(trial: &Trial<'_>) {
    let (site, made) = (trial.site, trial.make("master").await);
    let (status, body) = trial.send(&made, &site.alice).await;
    let expected = json!({"message": "Unauthorized", "error_id": "unauthorized",
        "details": {"invalid_token": site.alice}, "timestamp": "<number>"});
    assert_eq!(status, 401, "{}", trial.cases.route);
    assert_answer(&trial.cases.route, &body, &expected, &made);
    // The token counts, whatever tenant it asks for.
    let (status, _) = send(
        trial,
        &made,
        &site.master,
        Some(&site.tenant),
        "recurse=true",
    )
    .await;
    assert!(is_success(status), "{}", trial.cases.route);
}

/// Nobody outside the tenant finds the object, however they ask; the master tenant finds it inside.
async fn exactly_the_tenant(trial: &Trial<'_>) {
    let (site, made) = (trial.site, trial.make("exact").await);
    for token in [&site.gina, &site.master] {
        for parameter in ["recurse=false", "recurse=true"] {
            assert_hidden(trial, &made, token, parameter).await;
        }
    }
    let inside = send(
        trial,
        &made,
        &site.master,
        Some(&site.tenant),
        "recurse=false",
    )
    .await;
    assert!(is_success(inside.0), "{}: {inside:?}", trial.cases.route);
}

/// Nobody outside the tenant reaches the object; the master tenant always does.
async fn always_below(trial: &Trial<'_>) {
    let (site, made) = (trial.site, trial.make("below").await);
    assert_hidden(trial, &made, &site.gina, "recurse=true").await;
    let (status, body) = trial.send(&made, &site.master).await;
    assert!(is_success(status), "{}: {status} {body}", trial.cases.route);
}

/// The route answers as if the object was not there.
async fn assert_hidden(trial: &Trial<'_>, made: &Made, token: &str, parameter: &str) {
    let (status, body) = send(trial, made, token, None, parameter).await;
    let about = format!("{} from outside with {parameter}", trial.cases.route);
    assert_eq!(status, 404, "{about}: {body}");
    let named = trial.cases.first_in_path(made);
    let expected = trial.cases.unknown.as_ref().unwrap().to_string();
    let expected = serde_json::from_str(&expected.replace("<nothing>", &named)).unwrap();
    assert_answer(&about, &body, &expected, made);
}

async fn below_when_asked(trial: &Trial<'_>) {
    let (site, made) = (trial.site, trial.make("list").await);
    let route = &trial.cases.route;
    for (token, tenant, parameter, seen) in [
        (&site.alice, None, "recurse=false", 1),
        (&site.alice, None, "recurse=true", 1),
        (&site.gina, None, "recurse=false", 0),
        (&site.gina, None, "recurse=true", 0),
        (&site.master, None, "recurse=false", 0),
        (&site.master, None, "recurse=true", 1),
        (&site.master, Some(site.tenant.as_str()), "recurse=false", 1),
    ] {
        let (status, body) = send(trial, &made, token, tenant, parameter).await;
        assert_eq!(status, 200, "{route}: {body}");
        let items = body["items"].as_array().unwrap().len();
        let about = format!("{route} with {parameter} in {tenant:?}");
        // Lists that tell no count of what was found tell it as the total.
        let counted = if trial.cases.answer.get("filtered").is_some() {
            "filtered"
        } else {
            "total"
        };
        assert_eq!(
            (items, body[counted].as_u64()),
            (seen, Some(seen as u64)),
            "{about}"
        );
    }
}

async fn in_the_tenant_of_the_request(trial: &Trial<'_>) {
    let (site, made) = (trial.site, trial.make("create").await);
    let inside = send(
        trial,
        &made,
        &site.master,
        Some(&site.tenant),
        "recurse=true",
    )
    .await;
    assert!(is_success(inside.0), "{}: {inside:?}", trial.cases.route);
    assert_eq!(inside.1["tenant_uuid"], site.tenant.as_str());
    let (status, body) = trial.send(&made, &site.gina).await;
    // What a body refers to in the other tenant is not there for her.
    if is_success(status) {
        assert_eq!(
            body["tenant_uuid"],
            site.foreign.as_str(),
            "{}",
            trial.cases.route
        );
    } else {
        assert!(
            [400, 404].contains(&status),
            "{}: {status} {body}",
            trial.cases.route
        );
    }
}

/// A token without a user is refused before anything is looked at.
async fn assert_nobody_is_refused(trial: &Trial<'_>, made: &Made) {
    for tenant in [None, Some(trial.site.tenant.as_str())] {
        let (status, body) = send(trial, made, &trial.site.master, tenant, "").await;
        let expected = json!({"reason": ["This token has no user UUID"],
            "timestamp": "<number>", "status_code": 401});
        assert_eq!(status, 401, "{}: {body}", trial.cases.route);
        assert_answer(&trial.cases.route, &body, &expected, made);
    }
}

/// Nobody else reaches what is the user's, whatever they do; the user does, whatever tenant the request names.
async fn of_the_user_alone(trial: &Trial<'_>) {
    let (site, made) = (trial.site, trial.make("mine").await);
    assert_nobody_is_refused(trial, &made).await;
    if trial.cases.unknown.is_some() {
        assert_hidden(trial, &made, &site.gina, "recurse=true").await;
    } else {
        let (status, body) = trial.send(&made, &site.gina).await;
        assert!(is_success(status), "{}: {body}", trial.cases.route);
        let (name, shown) = (made.fill("{name}"), body["items"].to_string());
        assert!(!shown.contains(&name), "{}: {body}", trial.cases.route);
    }
    let (status, body) = send(trial, &made, &site.alice, Some(&site.tenant), "").await;
    assert!(is_success(status), "{}: {status} {body}", trial.cases.route);
    assert_answer(&trial.cases.route, &body, &trial.cases.answer, &made);
}

/// Nobody outside the tenant reaches its objects for himself.
async fn of_a_user_in_the_tenant(trial: &Trial<'_>) {
    let (site, made) = (trial.site, trial.make("mine").await);
    assert_nobody_is_refused(trial, &made).await;
    assert_hidden(trial, &made, &site.gina, "recurse=true").await;
    let (status, body) = send(trial, &made, &site.alice, Some(&site.tenant), "").await;
    assert!(is_success(status), "{}: {status} {body}", trial.cases.route);
}
