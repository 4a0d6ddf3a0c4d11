//! What is measured: one line per kind of request.

use anyhow::Result;
use e2e::phone::encode;

use crate::world::World;

/// Numbers of kept-alive connections of most rows.
const CONNECTIONS: &[usize] = &[1, 16, 64];
/// Those of rows that matter only when many ask at once.
const MANY_CONNECTIONS: &[usize] = &[16, 64];
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
    pub requests: fn(&World) -> Result<Vec<Vec<u8>>>,
}

/// Every row, in the order of the table.
pub(crate) const ROWS: [Row; 7] = [
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
];

fn menu(world: &World) -> Result<Vec<Vec<u8>>> {
    phone_page(world, "menu", "")
}

fn input(world: &World) -> Result<Vec<Vec<u8>>> {
    phone_page(world, "input", "")
}

fn cached(world: &World) -> Result<Vec<Vec<u8>>> {
    phone_page(world, "lookup", "&term=an")
}

fn phone_page(world: &World, step: &str, parameters: &str) -> Result<Vec<Vec<u8>>> {
    let user = world.user()?;
    Ok(vec![get(
        &format!("/0.1/directories/{step}/default/cisco?xivo_user_uuid={user}{parameters}"),
        "",
    )])
}

fn uncached(world: &World) -> Result<Vec<Vec<u8>>> {
    let user = world.user()?;
    let path = format!("/0.1/directories/lookup/default/cisco?xivo_user_uuid={user}&term=");
    Ok(world
        .terms
        .iter()
        .map(|term| get(&format!("{path}{}", encode(term)), ""))
        .collect())
}

fn lookup(world: &World) -> Result<Vec<Vec<u8>>> {
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

fn displays(world: &World) -> Result<Vec<Vec<u8>>> {
    list(world, "/0.1/displays")
}

fn profiles(world: &World) -> Result<Vec<Vec<u8>>> {
    list(world, "/0.1/profiles")
}

fn list(world: &World, path: &str) -> Result<Vec<Vec<u8>>> {
    let token = world.administrator()?;
    Ok(vec![get(path, &format!("X-Auth-Token: {token}\r\n"))])
}

fn get(target: &str, headers: &str) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}\r\n").into_bytes()
}
