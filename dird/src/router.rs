//! The route table (dird-api.md §6) and the router made of it.

mod contacts;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::any;
use http::Method;

use crate::api::enabled::Enabled;
use crate::api::route::{PathRoutes, Route, unknown_path};
use crate::api::{
    backends, changes, config, displays, document, explain, lookup, profile_sources, profiles,
    reverse, source_contacts, sources, status,
};
use crate::app::App;
use crate::backends::{SourceKind, kinds};
use crate::error::Family::{Legacy, New};
use crate::graphql;
use crate::intercom;
use crate::monitor::{self, Matched};

/// Prefix of every path.
const VERSION: &str = "/0.1";

const GET: Method = Method::GET;
const POST: Method = Method::POST;
const PUT: Method = Method::PUT;
const PATCH: Method = Method::PATCH;
const DELETE: Method = Method::DELETE;

/// Every route, with the view that it belongs to.
pub fn table() -> Vec<(String, Vec<Route>)> {
    let mut views = vec![
        (
            "api_view".to_owned(),
            vec![Route::open(GET, "/api/api.yml", New, document::show)],
        ),
        (
            "status_view".into(),
            vec![Route::new(
                GET,
                "/status",
                "dird.status.read",
                New,
                status::show,
            )],
        ),
        ("config_view".into(), config_routes()),
        (
            "backends_view".into(),
            vec![
                Route::new(
                    GET,
                    "/backends",
                    "dird.backends.read",
                    Legacy,
                    backends::list,
                )
                .lists(backends::RULES),
            ],
        ),
        (
            "sources_view".into(),
            vec![
                Route::new(GET, "/sources", "dird.sources.read", New, sources::list_all)
                    .lists(sources::EVERY_BACKEND),
            ],
        ),
        ("displays_view".into(), display_routes()),
        ("profiles_view".into(), profile_routes()),
        ("profile_sources_view".into(), vec![profile_source_route()]),
        ("default_json".into(), directory_routes()),
        ("headers_view".into(), vec![headers_route()]),
        ("graphql_view".into(), graphql_routes()),
        ("personal_view".into(), contacts::personal_routes()),
        ("phonebook_view".into(), contacts::phonebook_routes()),
        (
            "phonebook_deprecated_view".into(),
            contacts::tenant_phonebook_routes(),
        ),
        (
            "phonebook_backend".into(),
            vec![contacts::source_contacts_route()],
        ),
    ];
    views.extend(kinds().into_iter().map(source_routes));
    views
}

fn config_routes() -> Vec<Route> {
    vec![
        Route::new(GET, "/config", "dird.config.read", New, config::show),
        Route::new(PATCH, "/config", "dird.config.update", New, config::patch),
    ]
}

fn display_routes() -> Vec<Route> {
    const ALL: &str = "/displays";
    const ONE: &str = "/displays/{display_uuid}";
    vec![
        Route::new(GET, ALL, "dird.displays.read", New, displays::list).lists(displays::RULES),
        Route::new(POST, ALL, "dird.displays.create", New, displays::create)
            .takes(vec![&displays::SCHEMA])
            .answers(201),
        Route::new(
            GET,
            ONE,
            "dird.displays.{display_uuid}.read",
            New,
            displays::show,
        ),
        Route::new(
            PUT,
            ONE,
            "dird.displays.{display_uuid}.update",
            New,
            displays::update,
        )
        .takes(vec![&displays::SCHEMA]),
        Route::new(
            DELETE,
            ONE,
            "dird.displays.{display_uuid}.delete",
            New,
            displays::delete,
        ),
    ]
}

fn profile_routes() -> Vec<Route> {
    const ALL: &str = "/profiles";
    const ONE: &str = "/profiles/{profile_uuid}";
    vec![
        Route::new(GET, ALL, "dird.profiles.read", New, profiles::list).lists(profiles::RULES),
        Route::new(POST, ALL, "dird.profiles.create", New, profiles::create)
            .takes(vec![&profiles::SCHEMA])
            .answers(201),
        Route::new(
            GET,
            ONE,
            "dird.profiles.{profile_uuid}.read",
            New,
            profiles::show,
        ),
        Route::new(
            PUT,
            ONE,
            "dird.profiles.{profile_uuid}.update",
            New,
            profiles::update,
        )
        .takes(vec![&profiles::SCHEMA]),
        Route::new(
            DELETE,
            ONE,
            "dird.profiles.{profile_uuid}.delete",
            New,
            profiles::delete,
        ),
    ]
}

fn profile_source_route() -> Route {
    let access = "dird.directories.{profile}.sources.read";
    Route::new(
        GET,
        "/directories/{profile}/sources",
        access,
        New,
        profile_sources::list,
    )
    .lists(profile_sources::RULES)
}

fn directory_routes() -> Vec<Route> {
    const OWN: &str = "/directories/lookup/{profile}";
    const OTHER: &str = "/directories/lookup/{profile}/{user_uuid}";
    const REVERSE: &str = "/directories/reverse/{profile}/{user_uuid}";
    let reverse = "dird.directories.reverse.{profile}.{user_uuid}.read";
    let (own, other) = (
        "dird.directories.lookup.{profile}.read",
        "dird.directories.lookup.{profile}.{user_uuid}.read",
    );
    let mut routes = vec![
        Route::new(GET, OWN, own, Legacy, lookup::own).asks(&["term"]),
        Route::new(GET, OTHER, other, New, lookup::of_user).asks(&["term"]),
        Route::new(GET, REVERSE, reverse, Legacy, reverse::show).asks(&["exten"]),
    ];
    let access = "dird.directories.explain.read";
    routes.push(
        Route::new(POST, "/directories/explain", access, New, explain::show)
            .takes(vec![&explain::SCHEMA]),
    );
    let path = "/directories/changes";
    routes.push(Route::new(GET, path, changes::ACCESS, New, changes::follow).with_events());
    routes.extend(contacts::favorite_routes());
    routes
}

fn headers_route() -> Route {
    let path = "/directories/lookup/{profile}/headers";
    let access = "dird.directories.lookup.{profile}.headers.read";
    Route::new(GET, path, access, Legacy, lookup::headers)
}

/// One path that answers some methods only to refuse them in its own words; HEAD comes as a GET.
fn graphql_routes() -> Vec<Route> {
    const PATH: &str = "/graphql";
    const ASKS: &[&str] = &["query", "variables", "operationName"];
    const OTHERS: &[Method] = &[PUT, DELETE];
    vec![
        Route::open(GET, PATH, New, graphql::answer)
            .asks(ASKS)
            .also(OTHERS),
        Route::open(POST, PATH, New, graphql::answer).asks(ASKS),
    ]
}

/// The sources of one backend.
fn source_routes(kind: &'static dyn SourceKind) -> (String, Vec<Route>) {
    let backend = kind.name();
    let all = format!("/backends/{backend}/sources");
    let one = format!("{all}/{{source_uuid}}");
    let access = |verb: &str| format!("dird.backends.{backend}.sources.{verb}");
    let body = sources::body_schemas(kind);
    let mut routes = vec![
        Route::new(GET, &*all, access("read"), New, sources::list).lists(sources::rules(kind)),
        Route::new(POST, &*all, access("create"), New, sources::create).takes(body.clone()),
        Route::new(GET, &*one, access("{source_uuid}.read"), New, sources::show),
        Route::new(
            PUT,
            &*one,
            access("{source_uuid}.update"),
            New,
            sources::update,
        )
        .takes(body),
        Route::new(
            DELETE,
            &*one,
            access("{source_uuid}.delete"),
            New,
            sources::delete,
        ),
    ];
    if let Some(listing) = kind.listing() {
        let path = format!("{one}/contacts");
        let access = access("{source_uuid}.contacts.read");
        let route = Route::new(GET, path, access, New, source_contacts::list);
        routes.push(route.lists(source_contacts::rules(listing)));
    }
    let routes = routes
        .into_iter()
        .map(|route| route.with("backend", backend))
        .collect();
    (view_of(backend), routes)
}

/// The view that holds the sources of a backend; two have names of their own.
fn view_of(backend: &str) -> String {
    match backend {
        "conference" | "google" => format!("{backend}_view"),
        other => format!("{other}_backend"),
    }
}

/// The routes that `enabled` leaves.
pub fn enabled_routes(enabled: &Enabled) -> Vec<Route> {
    let views = table().into_iter().filter(|(view, _)| enabled.view(view));
    views.flat_map(|(_, routes)| routes).collect()
}

/// The same paths, where one that spells out a word also answers for the path that takes any word there: `import` may be the
/// identifier of a contact (dird-api-contacts.md §1.6).
fn with_words(paths: &BTreeMap<String, Vec<Route>>) -> BTreeMap<String, Vec<Route>> {
    let mut all = paths.clone();
    for (path, routes) in &mut all {
        let Some((head, word)) = path.rsplit_once('/') else {
            continue;
        };
        if word.starts_with('{') {
            continue;
        }
        let open = paths.get(&format!("{head}/{{open}}"));
        for route in open.into_iter().flatten() {
            if routes.iter().all(|known| known.method != route.method) {
                routes.push(route.clone());
            }
        }
    }
    all
}

/// The router of the REST interface.
pub fn router(app: Arc<App>) -> Router {
    let mut paths: BTreeMap<String, Vec<Route>> = BTreeMap::new();
    for route in enabled_routes(&app.enabled) {
        paths.entry(route.router_path()).or_default().push(route);
    }
    let mut router = Router::new();
    for (path, routes) in with_words(&paths) {
        let matched = Matched(routes.first().map_or("", |route| &route.path).into());
        let routes = Arc::new(PathRoutes(routes));
        let answer = move |State(app): State<Arc<App>>, request: Request| async move {
            let (parts, body) = request.into_parts();
            let mut response = routes.answer(app, parts, body).await;
            response.extensions_mut().insert(matched);
            response
        };
        router = router.route(&format!("{VERSION}{path}"), any(answer));
    }
    if let Some(intercom) = &app.intercom {
        router = router.merge(intercom::router(intercom));
    }
    finished(router, &app).with_state(app)
}

/// The router of the intercom's own listener.
pub fn intercom_router(app: Arc<App>) -> Router {
    let routes = app.intercom.as_ref().map(intercom::router);
    finished(routes.unwrap_or_default(), &app).with_state(app)
}

/// What every listener for clients does with every request.
fn finished(router: Router<Arc<App>>, app: &Arc<App>) -> Router<Arc<App>> {
    router
        .fallback(async || unknown_path())
        .layer(middleware::from_fn_with_state(Arc::clone(app), add_cors))
        .layer(middleware::from_fn_with_state(
            app.log_privacy,
            monitor::observe,
        ))
}

async fn add_cors(State(app): State<Arc<App>>, request: Request<Body>, next: Next) -> Response {
    let (method, headers) = (request.method().clone(), request.headers().clone());
    let mut response = next.run(request).await;
    app.cors.apply(&method, &headers, &mut response);
    response
}
