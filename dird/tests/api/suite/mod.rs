//! What is tried on every route, on each engine with each authority. What a route's own request is comes from
//! [`crate::cases`].

mod access;
mod methods;
mod requests;
mod tenants;

use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use crate::cases::{Cases, Made};
use crate::site::{Site, answer};

/// One route under test at a site.
pub(crate) struct Trial<'a> {
    site: &'a Site,
    pub(crate) cases: &'a Cases,
    number: usize,
}

impl<'a> Trial<'a> {
    /// A trial of each route that `wanted` picks.
    pub(crate) fn of(
        site: &'a Site,
        all: &'a [Cases],
        wanted: impl Fn(&Cases) -> bool,
    ) -> Vec<Self> {
        let wanted = all.iter().enumerate().filter(|(_, cases)| wanted(cases));
        wanted
            .map(|(number, cases)| Self {
                site,
                cases,
                number,
            })
            .collect()
    }

    /// Makes what the route needs, for the attempt called `attempt`; no other attempt at the site has its name.
    pub(crate) async fn make(&self, attempt: &str) -> Made {
        let name = format!("{attempt}{:03}", self.number);
        self.cases.needs.make(self.site, &name).await
    }

    /// Nothing but a name.
    pub(crate) fn nothing(&self) -> Made {
        Made::nothing(self.site, "nothing")
    }

    /// Who may use the route as it is meant.
    pub(crate) fn user(&self) -> &'a str {
        match self.cases.reach {
            crate::cases::Reach::Master => &self.site.master,
            _ => &self.site.alice,
        }
    }

    /// The route's request with another method.
    fn request_as(&self, method: Method, made: &Made, token: &str) -> RequestBuilder {
        self.build(method, made, token, "")
    }

    /// The route's request, which should succeed.
    pub(crate) fn request(&self, made: &Made, token: &str) -> RequestBuilder {
        self.build(self.cases.method(), made, token, "")
    }

    /// The route's request with a further parameter.
    fn request_with(&self, made: &Made, token: &str, parameter: &str) -> RequestBuilder {
        self.build(self.cases.method(), made, token, parameter)
    }

    fn build(&self, method: Method, made: &Made, token: &str, parameter: &str) -> RequestBuilder {
        let (path, query) = (self.cases.path(made), made.fill(self.cases.query));
        let path = format!("{path}?{query}&{parameter}");
        let request = self.site.request(method, &path, token);
        match (&self.cases.body, self.cases.sheet) {
            (Some(body), _) => request.body(made.fill_value(body).to_string()),
            (None, Some(sheet)) => with_sheet(request, &made.fill(sheet)),
            (None, None) => request,
        }
    }

    /// Status and body of the route's request.
    pub(crate) async fn send(&self, made: &Made, token: &str) -> (u16, Value) {
        answer(self.request(made, token).send().await.unwrap()).await
    }
}

/// The request with a CSV file.
pub(crate) fn with_sheet(request: RequestBuilder, sheet: &str) -> RequestBuilder {
    let request = request.header("Content-Type", "text/csv; charset=utf-8");
    request.body(sheet.to_owned())
}

/// Whether a status is one of success.
fn is_success(status: u16) -> bool {
    (200..300).contains(&status)
}
