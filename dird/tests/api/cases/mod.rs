//! What the suite knows of each route, one entry a route, one file a resource. To cover a new route, add its entry to the file of
//! its resource; what its path names is made by [`Needs`].
//!
//! Texts of an entry may hold `{name}`, `{tenant}`, `{user}` and the names of the route's path parameters: they become what was
//! made for the request. See [`expected`] for what an expected answer may leave open.

mod directories;
mod displays;
pub(crate) mod expected;
mod favorites;
mod needs;
mod personal;
mod phonebooks;
mod platform;
mod profiles;
mod sources;
mod tenant_phonebooks;

use dird::api::enabled::Enabled;
use dird::router::enabled_routes;
use serde_json::{Value, json};

pub(crate) use needs::{Made, Needs};

/// Whose objects a route reaches (dird-api.md §6, column *Tenant*).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Nobody's: every tenant gets the same.
    Everybody,
    /// The installation's, for tokens of the master tenant only.
    Master,
    /// Objects of exactly the request's tenant.
    Tenant,
    /// A list of the request's tenant's objects; with `recurse` also of the tenants below it.
    Recursing,
    /// Objects of the request's tenant and of all below it.
    Below,
    /// Adds an object to the request's tenant.
    Creates,
    /// What a service elsewhere has; requests that succeed are tried where such services are played.
    Elsewhere,
    /// What the token's user has of his own, whatever tenant the request names.
    Own,
    /// What the token's user keeps of objects of exactly the request's tenant.
    OwnInTenant,
}

/// What a request is sent with beside its path.
#[derive(Debug, Clone)]
pub(crate) enum Sent {
    Query(&'static str),
    Body(Value),
    Sheet(&'static str),
}

/// The entry of a route.
#[derive(Debug, Clone)]
pub(crate) struct Cases {
    /// Method and path as in the route table.
    pub(crate) route: String,
    /// Whose objects it reaches.
    pub(crate) reach: Reach,
    /// What must exist for its request to succeed.
    pub(crate) needs: Needs,
    /// Query of a request that succeeds.
    pub(crate) query: &'static str,
    /// Body of a request that succeeds.
    pub(crate) body: Option<Value>,
    /// CSV file that a request that succeeds brings instead.
    pub(crate) sheet: Option<&'static str>,
    /// What that request is answered.
    pub(crate) answer: Value,
    /// What is refused as wrong, and the answer.
    pub(crate) invalid: Vec<(Sent, Value)>,
    /// The answer when the path names nothing that the caller sees.
    pub(crate) unknown: Option<Value>,
}

impl Cases {
    /// An entry for the route that the table lists as `route`.
    pub(crate) fn of(route: impl Into<String>, reach: Reach) -> Self {
        Self {
            route: route.into(),
            reach,
            needs: Needs::Nothing,
            query: "",
            body: None,
            sheet: None,
            answer: Value::Null,
            invalid: Vec::new(),
            unknown: None,
        }
    }

    /// What must exist for the request to succeed.
    pub(crate) fn needs(mut self, needs: Needs) -> Self {
        self.needs = needs;
        self
    }

    /// The query of a request that succeeds.
    pub(crate) fn asks(mut self, query: &'static str) -> Self {
        self.query = query;
        self
    }

    /// The body of a request that succeeds.
    pub(crate) fn sends(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    /// The CSV file of a request that succeeds.
    pub(crate) fn imports(mut self, sheet: &'static str) -> Self {
        self.sheet = Some(sheet);
        self
    }

    /// What a request that succeeds is answered; null for an empty body.
    pub(crate) fn answers(mut self, answer: Value) -> Self {
        self.answer = answer;
        self
    }

    /// A query that is refused with 400 and this answer.
    pub(crate) fn refuses_query(mut self, query: &'static str, answer: Value) -> Self {
        self.invalid.push((Sent::Query(query), answer));
        self
    }

    /// A body that is refused with 400 and this answer.
    pub(crate) fn refuses(mut self, body: Value, answer: Value) -> Self {
        self.invalid.push((Sent::Body(body), answer));
        self
    }

    /// A CSV file that is refused with 400 and this answer.
    pub(crate) fn refuses_sheet(mut self, sheet: &'static str, answer: Value) -> Self {
        self.invalid.push((Sent::Sheet(sheet), answer));
        self
    }

    /// The parameters that every list refuses; `columns` are those that it can be sorted by.
    pub(crate) fn refuses_list_parameters(self, columns: &[&str]) -> Self {
        let not_boolean = json!({"message": "Not a valid boolean.", "constraint_id": "type",
            "constraint": "boolean"});
        self.refuses_list_parameters_but_recurse(columns)
            .refuses_query("recurse=perhaps", invalid(&json!({"recurse": not_boolean})))
    }

    /// The same for lists that tell a wrong `recurse` in fewer words (dird-api.md §4.1).
    pub(crate) fn refuses_phonebook_list_parameters(self, columns: &[&str]) -> Self {
        let refused = invalid(&json!({"recurse": ["Not a valid boolean."]}));
        self.refuses_list_parameters_but_recurse(columns)
            .refuses_query("recurse=perhaps", refused)
    }

    fn refuses_list_parameters_but_recurse(self, columns: &[&str]) -> Self {
        let choices = format!("Must be one of: {}.", columns.join(", "));
        let range = json!([{"constraint_id": "range", "constraint": {"min": 0},
            "message": "Must be greater than or equal to 0."}]);
        self.refuses_query(
            "order=zzz",
            invalid(&json!({"order": [{"constraint_id": "enum",
                "constraint": {"choices": columns}, "message": choices}]})),
        )
        .refuses_query(
            "direction=up&limit=-1&offset=x",
            invalid(&json!({
                "direction": [{"constraint_id": "enum", "constraint": {"choices": ["asc", "desc"]},
                    "message": "Must be one of: asc, desc."}],
                "limit": range,
                "offset": {"message": "Not a valid integer.", "constraint_id": "type",
                    "constraint": "integer"},
            })),
        )
    }

    /// The 404 when the path names nothing that the caller sees.
    pub(crate) fn unknown(mut self, answer: Value) -> Self {
        self.unknown = Some(answer);
        self
    }

    /// The method.
    pub(crate) fn method(&self) -> reqwest::Method {
        let (method, _) = self.route.split_once(' ').unwrap();
        method.parse().unwrap()
    }

    /// What the first open segment of the path is filled with; without one the name is in the body.
    pub(crate) fn first_in_path(&self, made: &Made) -> String {
        let Some(before) = self.route.find('{') else {
            return made.fill("{name}");
        };
        let rest = &self.route[before..];
        self.fill(&rest[..=rest.find('}').unwrap()], made)
    }

    /// The path, with what was made in its open segments; where nothing was, an identifier that nothing has.
    pub(crate) fn path(&self, made: &Made) -> String {
        let (_, path) = self.route.split_once(' ').unwrap();
        self.fill(path, made)
    }

    /// A text of the route with what was made, or what nothing has, in place of the path's parameters. The deprecated routes
    /// have the tenant's name where others would have its identifier.
    pub(crate) fn fill(&self, text: &str, made: &Made) -> String {
        let text = if self.route.contains(" /tenants/") {
            text.replace("{tenant}", "{tenant_name}")
        } else {
            text.to_owned()
        };
        let mut text = made.fill(&text);
        while let Some((before, (name, after))) = text
            .split_once('{')
            .map(|(before, rest)| (before, rest.split_once('}').unwrap()))
        {
            text = format!("{before}{}{after}", expected::nothing_for(name));
        }
        text
    }
}

/// Body of a 400 that names what is wrong (dird-api.md §3.4, §5).
pub(crate) fn invalid(details: &Value) -> Value {
    json!({"message": "Sent data is invalid", "error_id": "invalid-data", "details": details,
        "timestamp": "<number>"})
}

/// `details` of a member that must be there and is not.
pub(crate) fn required() -> Value {
    json!({"message": "Missing data for required field.", "constraint_id": "required",
        "constraint": "required"})
}

/// Body of the 404 of family N for an object that the path names.
pub(crate) fn no_such(kind: &str, resource: &str) -> Value {
    json!({"message": format!("No such {kind}: \"<nothing>\""), "error_id": format!("unknown-{kind}"),
        "details": {"uuid": "<nothing>"}, "timestamp": "<number>", "resource": resource})
}

/// Body of an error of family L.
pub(crate) fn legacy(status: u16, reason: &str) -> Value {
    json!({"reason": [reason], "timestamp": ["<number>"], "status_code": status})
}

/// A list of one.
pub(crate) fn one(item: &Value) -> Value {
    json!({"total": "<number>", "filtered": 1, "items": [item]})
}

/// Every entry.
pub(crate) fn all() -> Vec<Cases> {
    [
        platform::cases(),
        displays::cases(),
        profiles::cases(),
        sources::cases(),
        directories::cases(),
        favorites::cases(),
        phonebooks::cases(),
        tenant_phonebooks::cases(),
        personal::cases(),
    ]
    .concat()
}

#[test]
fn every_route_has_its_cases() {
    let (cases, routes) = (all(), enabled_routes(&Enabled::default()));
    let mut wrong = Vec::new();
    for route in &routes {
        let name = format!("{} {}", route.method, route.path);
        let entries: Vec<&Cases> = cases.iter().filter(|cases| cases.route == name).collect();
        let [entry] = entries[..] else {
            wrong.push(format!("{name}: {} entries", entries.len()));
            continue;
        };
        let reads = route.body.is_some() || route.listed.is_some() || !route.query.is_empty();
        let recurses = matches!(entry.reach, Reach::Recursing);
        let names = route.parameter_names().next().is_some();
        for (holds, problem) in [
            (
                !reads || !entry.invalid.is_empty(),
                "nothing is refused as invalid",
            ),
            (
                route.body.is_none() || entry.body.is_some(),
                "no body succeeds",
            ),
            (!recurses || route.listed.is_some(), "only lists recurse"),
            (
                !names || entry.unknown.is_some(),
                "no answer for an unknown object",
            ),
            (
                route.success == 204 || entry.reach == Reach::Elsewhere || !entry.answer.is_null(),
                "no answer is expected",
            ),
        ] {
            if !holds {
                wrong.push(format!("{name}: {problem}"));
            }
        }
    }
    let exists = |cases: &&Cases| {
        let named = |route: &dird::api::route::Route| {
            format!("{} {}", route.method, route.path) == cases.route
        };
        !routes.iter().any(named)
    };
    let strange = cases.iter().filter(exists);
    wrong.extend(strange.map(|cases| format!("{}: no such route", cases.route)));
    assert!(wrong.is_empty(), "{wrong:#?}");
}
