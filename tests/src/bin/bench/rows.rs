//! What is measured: one line per kind of request.

use anyhow::{Context, Result};
use e2e::phone::encode;

use crate::world::World;

/// Numbers of kept-alive connections of most rows.
const CONNECTIONS: &[usize] = &[1, 16, 64];
/// Those of rows that matter only when many ask at once.
const MANY_CONNECTIONS: &[usize] = &[16, 64];
/// Those of rows that look through a whole list.
const FEW_CONNECTIONS: &[usize] = &[1, 16];
/// Numbers of contacts in the phonebook, one site each.
pub(crate) const SIZES: [u32; 3] = [1_000, 10_000, 100_000];

/// Who is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// The edge as configured by default.
    Phoned,
    /// The edge with its result cache off.
    PhonedUncached,
    /// dird's REST API.
    Dird,
}

/// One kind of request.
pub(crate) struct Row {
    /// As it stands in the table.
    pub name: &'static str,
    /// Who is asked.
    pub target: Target,
    /// The sites it is measured on.
    pub sizes: &'static [u32],
    /// Numbers of kept-alive connections, one line for each.
    pub connections: &'static [usize],
    /// The requests, sent in turn.
    pub requests: fn(&World) -> Result<Vec<String>>,
}

/// Every row, in the order of the table.
pub(crate) const ROWS: [Row; 26] = [
    Row {
        name: "phoned: Cisco menu",
        target: Target::Phoned,
        sizes: &[1_000],
        connections: CONNECTIONS,
        requests: menu,
    },
    Row {
        name: "phoned: Cisco input",
        target: Target::Phoned,
        sizes: &[1_000],
        connections: CONNECTIONS,
        requests: input,
    },
    Row {
        name: "phoned: Cisco results, cached",
        target: Target::Phoned,
        sizes: &[1_000],
        connections: CONNECTIONS,
        requests: cached,
    },
    Row {
        name: "phoned: Cisco results, every one asks dird",
        target: Target::PhonedUncached,
        sizes: &[1_000, 10_000, 100_000],
        connections: CONNECTIONS,
        requests: uncached,
    },
    Row {
        name: "dird: lookup of a user",
        target: Target::Dird,
        sizes: &[1_000, 10_000, 100_000],
        connections: CONNECTIONS,
        requests: lookup,
    },
    Row {
        name: "dird: list of 30 displays",
        target: Target::Dird,
        sizes: &[1_000],
        connections: MANY_CONNECTIONS,
        requests: displays,
    },
    Row {
        name: "dird: list of 30 profiles over 23 sources",
        target: Target::Dird,
        sizes: &[1_000],
        connections: MANY_CONNECTIONS,
        requests: profiles,
    },
    Row {
        name: "dird: first 100 of 100,000 contacts of a phonebook",
        target: Target::Dird,
        sizes: &[100_000],
        connections: FEW_CONNECTIONS,
        requests: first_page,
    },
    Row {
        name: "dird: last 100 of 100,000 contacts of a phonebook",
        target: Target::Dird,
        sizes: &[100_000],
        connections: FEW_CONNECTIONS,
        requests: last_page,
    },
    Row {
        name: "dird: search in the list of 100,000 contacts",
        target: Target::Dird,
        sizes: &[100_000],
        connections: FEW_CONNECTIONS,
        requests: search_in_list,
    },
    page("phoned: Cisco, 10 rows, cached", Target::Phoned, |world| {
        results(world, "cisco", &world.few)
    }),
    page(
        "phoned: Cisco, 10 rows, asks dird",
        Target::PhonedUncached,
        |world| results(world, "cisco", &world.few),
    ),
    page("phoned: Cisco, 200 rows, cached", Target::Phoned, |world| {
        results(world, "cisco", &world.many)
    }),
    page(
        "phoned: Cisco, 200 rows, asks dird",
        Target::PhonedUncached,
        |world| results(world, "cisco", &world.many),
    ),
    page(
        "phoned: Yealink, 10 rows, cached",
        Target::Phoned,
        |world| results(world, "yealink", &world.few),
    ),
    page(
        "phoned: Yealink, 10 rows, asks dird",
        Target::PhonedUncached,
        |world| results(world, "yealink", &world.few),
    ),
    page(
        "phoned: Yealink, 200 rows, cached",
        Target::Phoned,
        |world| results(world, "yealink", &world.many),
    ),
    page(
        "phoned: Yealink, 200 rows, asks dird",
        Target::PhonedUncached,
        |world| results(world, "yealink", &world.many),
    ),
    page("phoned: Aastra, 10 rows, cached", Target::Phoned, |world| {
        results(world, "aastra", &world.few)
    }),
    page(
        "phoned: Aastra, 10 rows, asks dird",
        Target::PhonedUncached,
        |world| results(world, "aastra", &world.few),
    ),
    page(
        "phoned: Aastra, 200 rows, cached",
        Target::Phoned,
        |world| results(world, "aastra", &world.many),
    ),
    page(
        "phoned: Aastra, 200 rows, asks dird",
        Target::PhonedUncached,
        |world| results(world, "aastra", &world.many),
    ),
    page("phoned: Snom, 10 rows, cached", Target::Phoned, |world| {
        results(world, "snom", &world.few)
    }),
    page(
        "phoned: Snom, 10 rows, asks dird",
        Target::PhonedUncached,
        |world| results(world, "snom", &world.few),
    ),
    page("phoned: Snom, 200 rows, cached", Target::Phoned, |world| {
        results(world, "snom", &world.many)
    }),
    page(
        "phoned: Snom, 200 rows, asks dird",
        Target::PhonedUncached,
        |world| results(world, "snom", &world.many),
    ),
];

/// A row about one page of one make, on the smallest site.
const fn page(
    name: &'static str,
    target: Target,
    requests: fn(&World) -> Result<Vec<String>>,
) -> Row {
    Row {
        name,
        target,
        sizes: &[1_000],
        connections: CONNECTIONS,
        requests,
    }
}

fn results(world: &World, make: &str, term: &str) -> Result<Vec<String>> {
    let (user, term) = (world.user()?, encode(term));
    let target =
        format!("/0.1/directories/lookup/default/{make}?xivo_user_uuid={user}&term={term}");
    Ok(vec![get(&target, "")])
}

fn menu(world: &World) -> Result<Vec<String>> {
    phone_page(world, "menu", "")
}

fn input(world: &World) -> Result<Vec<String>> {
    phone_page(world, "input", "")
}

fn cached(world: &World) -> Result<Vec<String>> {
    phone_page(world, "lookup", "&term=an")
}

fn phone_page(world: &World, step: &str, parameters: &str) -> Result<Vec<String>> {
    let user = world.user()?;
    Ok(vec![get(
        &format!("/0.1/directories/{step}/default/cisco?xivo_user_uuid={user}{parameters}"),
        "",
    )])
}

fn uncached(world: &World) -> Result<Vec<String>> {
    let user = world.user()?;
    let path = format!("/0.1/directories/lookup/default/cisco?xivo_user_uuid={user}&term=");
    Ok(world
        .terms
        .iter()
        .map(|term| get(&format!("{path}{}", encode(term)), ""))
        .collect())
}

fn lookup(world: &World) -> Result<Vec<String>> {
    let path = format!("/0.1/directories/lookup/default/{}?term=", world.user()?);
    let identity = format!(
        "X-Auth-Token: {}\r\nWazo-Tenant: {}\r\n",
        world.token,
        world.tenant()?
    );
    Ok(world
        .terms
        .iter()
        .map(|term| get(&format!("{path}{}", encode(term)), &identity))
        .collect())
}

fn displays(world: &World) -> Result<Vec<String>> {
    list(world, "/0.1/displays")
}

fn profiles(world: &World) -> Result<Vec<String>> {
    list(world, "/0.1/profiles")
}

fn first_page(world: &World) -> Result<Vec<String>> {
    of_book(world, "order=lastname&limit=100")
}

fn last_page(world: &World) -> Result<Vec<String>> {
    of_book(world, "order=lastname&limit=100&offset=99900")
}

fn search_in_list(world: &World) -> Result<Vec<String>> {
    of_book(world, "search=person4711&limit=100")
}

fn of_book(world: &World, query: &str) -> Result<Vec<String>> {
    let book = world.book().context("this site has no imports")?;
    let target = format!("{}?{query}", book.path);
    Ok(vec![get(
        &target,
        &format!("X-Auth-Token: {}\r\n", book.token),
    )])
}

fn list(world: &World, path: &str) -> Result<Vec<String>> {
    let token = world.administrator()?;
    Ok(vec![get(path, &format!("X-Auth-Token: {token}\r\n"))])
}

/// A request for `target`; `headers` each end with their line.
pub(crate) fn get(target: &str, headers: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}\r\n")
}
