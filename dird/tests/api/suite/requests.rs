//! Requests that succeed, and requests with something wrong in them.

use dird::api::enabled::Enabled;
use dird::router::enabled_routes;

use super::{Trial, with_sheet};
use crate::cases::expected::assert_answer;
use crate::cases::{Reach, Sent, all};
use crate::site::{Site, answer};

in_every_setting!(
    every_route_answers_a_good_request,
    every_route_says_what_is_wrong_with_a_request,
    every_route_refuses_a_body_that_is_no_json,
    every_route_says_that_its_path_names_nothing,
);

async fn every_route_answers_a_good_request(site: Site) {
    let (cases, routes) = (all(), enabled_routes(&Enabled::default()));
    for trial in Trial::of(&site, &cases, |cases| cases.reach != Reach::Elsewhere) {
        let name = &trial.cases.route;
        let of_name =
            |route: &&dird::api::route::Route| format!("{} {}", route.method, route.path) == *name;
        let route = routes.iter().find(of_name).unwrap();
        let made = trial.make("good").await;
        let (status, body) = trial.send(&made, trial.user()).await;
        assert_eq!(status, route.success, "{name}: {body}");
        assert_answer(name, &body, &trial.cases.answer, &made);
    }
}

async fn every_route_says_what_is_wrong_with_a_request(site: Site) {
    let cases = all();
    for trial in Trial::of(&site, &cases, |cases| !cases.invalid.is_empty()) {
        let made = trial.make("bad").await;
        for (sent, expected) in &trial.cases.invalid {
            let (path, method) = (trial.cases.path(&made), trial.cases.method());
            let request = match sent {
                Sent::Query(query) => {
                    site.request(method, &format!("{path}?{query}"), trial.user())
                }
                Sent::Body(body) => site
                    .request(method, &path, trial.user())
                    .body(made.fill_value(body).to_string()),
                Sent::Sheet(sheet) => {
                    let request = site.request(method, &path, trial.user());
                    with_sheet(request, &made.fill(sheet))
                }
            };
            let (status, body) = answer(request.send().await.unwrap()).await;
            let about = format!("{} with {sent:?}", trial.cases.route);
            assert_eq!(status, 400, "{about}: {body}");
            assert_answer(&about, &body, expected, &made);
        }
    }
}

async fn every_route_refuses_a_body_that_is_no_json(site: Site) {
    let cases = all();
    let message = "The browser (or proxy) sent a request that this server could not understand.";
    for trial in Trial::of(&site, &cases, |cases| cases.body.is_some()) {
        let made = trial.make("malformed").await;
        for malformed in [&b""[..], b"{", b"{\"name\": \"\xff\"}", b"[1,]"] {
            let request = trial.request(&made, trial.user()).body(malformed.to_vec());
            let (status, body) = answer(request.send().await.unwrap()).await;
            let about = format!("{} with {malformed:?}", trial.cases.route);
            assert_eq!(
                (status, &body["message"]),
                (400, &message.into()),
                "{about}"
            );
        }
    }
}

async fn every_route_says_that_its_path_names_nothing(site: Site) {
    let cases = all();
    for trial in Trial::of(&site, &cases, |cases| cases.unknown.is_some()) {
        let made = trial.nothing();
        let (status, body) = trial.send(&made, trial.user()).await;
        assert_eq!(status, 404, "{}: {body}", trial.cases.route);
        let expected = trial.cases.unknown.as_ref().unwrap();
        assert_answer(&trial.cases.route, &body, expected, &made);
    }
}
