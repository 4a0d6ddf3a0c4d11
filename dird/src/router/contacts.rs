//! The routes of contacts: personal ones, phonebooks in both APIs, favourites.

use super::{DELETE, GET, POST, PUT};
use crate::api::route::Route;
use crate::api::{
    favorites, lookup, personal, personal_import, phonebook_contacts, phonebook_import,
    phonebook_source_contacts, phonebooks, tenant_phonebooks,
};
use crate::error::Family::{Legacy, New};

/// `/personal`.
pub(super) fn personal_routes() -> Vec<Route> {
    const ALL: &str = "/personal";
    const ONE: &str = "/personal/{contact_id}";
    let all = |verb: &str| format!("dird.personal.{verb}");
    let one = |verb: &str| format!("dird.personal.{{contact_id}}.{verb}");
    vec![
        Route::new(GET, ALL, all("read"), Legacy, personal::list)
            .asks(personal::QUERY)
            .with_csv(),
        Route::new(POST, ALL, all("create"), Legacy, personal::create).answers(201),
        Route::new(DELETE, ALL, all("delete"), Legacy, personal::purge),
        Route::new(
            POST,
            "/personal/import",
            all("import.create"),
            Legacy,
            personal_import::import,
        )
        .answers(201)
        .with_csv(),
        Route::new(GET, ONE, one("read"), Legacy, personal::show),
        Route::new(PUT, ONE, one("update"), Legacy, personal::update).answers(200),
        Route::new(DELETE, ONE, one("delete"), Legacy, personal::delete),
    ]
}

/// `/phonebooks`.
pub(super) fn phonebook_routes() -> Vec<Route> {
    const ALL: &str = "/phonebooks";
    const ONE: &str = "/phonebooks/{phonebook_uuid:uuid}";
    let all = |verb: &str| format!("dird.phonebooks.{verb}");
    let one = |verb: &str| format!("dird.phonebooks.{{phonebook_uuid}}.{verb}");
    let body = || vec![&phonebooks::SCHEMA];
    let mut routes = vec![
        Route::new(GET, ALL, all("read"), New, phonebooks::list).lists(phonebooks::RULES),
        Route::new(POST, ALL, all("create"), New, phonebooks::create)
            .takes(body())
            .answers(201),
        Route::new(GET, ONE, one("read"), New, phonebooks::show),
        Route::new(PUT, ONE, one("update"), New, phonebooks::update)
            .takes(body())
            .answers(200),
        Route::new(DELETE, ONE, one("delete"), New, phonebooks::delete),
    ];
    routes.extend(phonebook_contact_routes());
    routes
}

fn phonebook_contact_routes() -> Vec<Route> {
    const ALL: &str = "/phonebooks/{phonebook_uuid:uuid}/contacts";
    const ONE: &str = "/phonebooks/{phonebook_uuid:uuid}/contacts/{contact_uuid}";
    const IMPORT: &str = "/phonebooks/{phonebook_uuid:uuid}/contacts/import";
    let all = |verb: &str| format!("dird.phonebooks.{{phonebook_uuid}}.contacts.{verb}");
    let one = |verb: &str| all(&format!("{{contact_uuid}}.{verb}"));
    vec![
        Route::new(GET, ALL, all("read"), New, phonebook_contacts::list)
            .lists(phonebook_contacts::RULES),
        Route::new(POST, ALL, all("create"), New, phonebook_contacts::create).answers(201),
        Route::new(POST, IMPORT, all("create"), New, phonebook_import::import)
            .answers(201)
            .with_csv(),
        Route::new(GET, ONE, one("read"), New, phonebook_contacts::show),
        Route::new(PUT, ONE, one("update"), New, phonebook_contacts::update).answers(200),
        Route::new(DELETE, ONE, one("delete"), New, phonebook_contacts::delete),
    ]
}

/// The contacts of a phonebook source.
pub(super) fn source_contacts_route() -> Route {
    let access = "dird.backends.phonebook.sources.{source_uuid}.contacts.read";
    let path = "/backends/phonebook/sources/{source_uuid}/contacts";
    Route::new(GET, path, access, New, phonebook_source_contacts::list)
        .lists(phonebook_source_contacts::RULES)
}

/// `/tenants/{tenant}/phonebooks`, the deprecated API.
pub(super) fn tenant_phonebook_routes() -> Vec<Route> {
    const ALL: &str = "/tenants/{tenant}/phonebooks";
    const ONE: &str = "/tenants/{tenant}/phonebooks/{phonebook_id:int}";
    let all = |verb: &str| format!("dird.tenants.{{tenant}}.phonebooks.{verb}");
    let one = |verb: &str| all(&format!("{{phonebook_id}}.{verb}"));
    let body = || vec![&phonebooks::SCHEMA];
    let mut routes = vec![
        Route::new(GET, ALL, all("read"), Legacy, tenant_phonebooks::list)
            .asks(tenant_phonebooks::QUERY),
        Route::new(POST, ALL, all("create"), Legacy, tenant_phonebooks::create)
            .takes(body())
            .answers(201),
        Route::new(GET, ONE, one("read"), Legacy, tenant_phonebooks::show),
        Route::new(PUT, ONE, one("update"), Legacy, tenant_phonebooks::update)
            .takes(body())
            .answers(200),
        Route::new(
            DELETE,
            ONE,
            one("delete"),
            Legacy,
            tenant_phonebooks::delete,
        ),
    ];
    routes.extend(tenant_contact_routes());
    routes
}

fn tenant_contact_routes() -> Vec<Route> {
    const ALL: &str = "/tenants/{tenant}/phonebooks/{phonebook_id:int}/contacts";
    const ONE: &str = "/tenants/{tenant}/phonebooks/{phonebook_id:int}/contacts/{contact_uuid}";
    const IMPORT: &str = "/tenants/{tenant}/phonebooks/{phonebook_id:int}/contacts/import";
    let all =
        |verb: &str| format!("dird.tenants.{{tenant}}.phonebooks.{{phonebook_id}}.contacts.{verb}");
    let one = |verb: &str| all(&format!("{{contact_uuid}}.{verb}"));
    vec![
        Route::new(
            GET,
            ALL,
            all("read"),
            Legacy,
            tenant_phonebooks::list_contacts,
        )
        .asks(tenant_phonebooks::QUERY),
        Route::new(
            POST,
            ALL,
            all("create"),
            Legacy,
            tenant_phonebooks::create_contact,
        )
        .answers(201),
        Route::new(
            POST,
            IMPORT,
            all("create"),
            Legacy,
            tenant_phonebooks::import,
        )
        .with_csv(),
        Route::new(
            GET,
            ONE,
            one("read"),
            Legacy,
            tenant_phonebooks::show_contact,
        ),
        Route::new(
            PUT,
            ONE,
            one("update"),
            Legacy,
            tenant_phonebooks::update_contact,
        )
        .answers(200),
        Route::new(
            DELETE,
            ONE,
            one("delete"),
            Legacy,
            tenant_phonebooks::delete_contact,
        ),
    ]
}

/// `/directories/favorites` and `/directories/personal`.
pub(super) fn favorite_routes() -> Vec<Route> {
    const LIST: &str = "/directories/favorites/{profile}";
    const ONE: &str = "/directories/favorites/{directory:path}/{contact}";
    let list = "dird.directories.favorites.{profile}.read";
    let one = |verb: &str| format!("dird.directories.favorites.{{directory}}.{{contact}}.{verb}");
    vec![
        Route::new(GET, LIST, list, Legacy, favorites::list),
        Route::new(
            GET,
            "/directories/personal/{profile}",
            "dird.directories.personal.{profile}.read",
            Legacy,
            lookup::personal,
        ),
        Route::new(PUT, ONE, one("update"), Legacy, favorites::add),
        Route::new(DELETE, ONE, one("delete"), Legacy, favorites::remove),
    ]
}
