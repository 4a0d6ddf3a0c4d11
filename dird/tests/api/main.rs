//! The REST interface as a client meets it: a running dird over real sockets.
//!
//! What the suite knows of each route is in [`cases`], what it tries on every one of them in [`suite`]. A new route needs an
//! entry there, or the run fails with its name.

#![allow(clippy::unwrap_used)]

/// Makes tests of functions that take a [`crate::site::Site`]: one on each engine with each authority.
macro_rules! in_every_setting {
    (@either $($name:ident),+) => {
        in_every_setting!(@one sqlite, Sqlite, Builtin, $($name),+);
        in_every_setting!(@one postgres, Postgres, Builtin, $($name),+);
    };
    ($($name:ident),+ $(,)?) => {
        in_every_setting!(@one sqlite_builtin, Sqlite, Builtin, $($name),+);
        in_every_setting!(@one sqlite_wazo, Sqlite, Wazo, $($name),+);
        in_every_setting!(@one postgres_builtin, Postgres, Builtin, $($name),+);
        in_every_setting!(@one postgres_wazo, Postgres, Wazo, $($name),+);
    };
    (@one $setting:ident, $engine:ident, $tokens:ident, $($name:ident),+) => {
        mod $setting {
            use crate::site::{Engine, Setting, Site, Tokens, unchanged};

            $(#[tokio::test]
            async fn $name() {
                let setting = Setting { engine: Engine::$engine, tokens: Tokens::$tokens };
                super::$name(Site::start_in(setting, unchanged()).await).await;
            })+
        }
    };
}

/// Makes tests of functions that take a [`crate::site::Site`]: one on each engine.
macro_rules! on_both_engines {
    ($($name:ident),+ $(,)?) => { in_every_setting!(@either $($name),+); };
}

mod cases;
mod changes;
mod contacts;
mod conventions;
mod explain;
#[path = "../identity/fake_auth.rs"]
#[allow(dead_code, reason = "the tests of identity use more of it")]
mod fake_auth;
mod graphql;
mod isolation;
mod neighbours;
mod numbers;
mod objects;
mod outage;
mod paging;
mod reload;
mod routes;
mod site;
mod suite;
