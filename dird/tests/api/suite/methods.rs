//! Methods beside the routes' own: HEAD, OPTIONS, and those that a path does not have.

use reqwest::Method;

use super::Trial;
use crate::cases::{Cases, Reach, all};
use crate::site::Site;

in_every_setting!(
    head_is_get_without_a_body,
    every_path_names_its_methods_and_refuses_others,
);

async fn head_is_get_without_a_body(site: Site) {
    let cases = all();
    // GraphQL has no HEAD; its own test says so.
    let wanted = |cases: &Cases| cases.method() == Method::GET && cases.route != "GET /graphql";
    for trial in Trial::of(&site, &cases, wanted) {
        let made = trial.make("head").await;
        let get = trial.request(&made, trial.user()).send().await.unwrap();
        let head = trial.request_as(Method::HEAD, &made, trial.user());
        let head = head.send().await.unwrap();
        let route = &trial.cases.route;
        assert_eq!(head.status(), get.status(), "{route}");
        // What another service does not answer is told with the time.
        let same = match trial.cases.reach {
            Reach::Elsewhere => ["content-type"].as_slice(),
            _ => &["content-type", "content-length", "etag"],
        };
        for header in same {
            assert_eq!(
                head.headers().get(*header),
                get.headers().get(*header),
                "{route}: {header}"
            );
        }
        assert!(head.bytes().await.unwrap().is_empty(), "{route}");
        assert!(!get.bytes().await.unwrap().is_empty(), "{route}");
    }
}

async fn every_path_names_its_methods_and_refuses_others(site: Site) {
    let cases = all();
    for trial in Trial::of(&site, &cases, |_| true) {
        let (route, made) = (&trial.cases.route, trial.nothing());
        let options = trial.request_as(Method::OPTIONS, &made, "");
        let options = options.send().await.unwrap();
        assert_eq!(options.status().as_u16(), 200, "{route}");
        let allow = options.headers()["allow"].to_str().unwrap().to_owned();
        let methods: Vec<&str> = allow.split(", ").collect();
        for method in ["OPTIONS", trial.cases.method().as_str()] {
            assert!(methods.contains(&method), "{route}: {allow}");
        }
        assert!(options.bytes().await.unwrap().is_empty(), "{route}");
        let known = [
            Method::GET,
            Method::HEAD,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ];
        for method in known
            .iter()
            .filter(|method| !methods.contains(&method.as_str()))
        {
            let refused = trial.request_as(method.clone(), &made, "");
            let refused = refused.send().await.unwrap();
            assert_eq!(refused.status().as_u16(), 405, "{method} beside {route}");
            assert_eq!(
                refused.headers()["allow"].to_str().unwrap(),
                allow,
                "{route}"
            );
        }
    }
}
