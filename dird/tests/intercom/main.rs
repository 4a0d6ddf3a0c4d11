//! The directory functions of an intercom as their clients meet them: a running dird over real sockets, on each engine.

#![allow(clippy::unwrap_used)]

/// Makes tests of functions that take a [`world::Door`]: one on each engine.
macro_rules! on_both_engines {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $name() {
                super::$name(crate::world::Plan::sqlite().open().await).await;
            })+
        }
        mod postgres {
            $(#[tokio::test]
            async fn $name() {
                super::$name(crate::world::Plan::postgres().await.open().await).await;
            })+
        }
    };
}

/// The same of functions that take a [`world::Plan`], to change it before it is opened.
macro_rules! on_plans_of_both_engines {
    ($($name:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test]
            async fn $name() {
                super::$name(crate::world::Plan::sqlite()).await;
            })+
        }
        mod on_postgres {
            $(#[tokio::test]
            async fn $name() {
                super::$name(crate::world::Plan::postgres().await).await;
            })+
        }
    };
}

mod access;
mod batches;
mod callers;
mod conformance;
mod contacts;
mod examples;
mod fields;
mod follower;
mod fuzz;
mod limits;
mod login;
mod outage;
mod race;
mod restores;
mod secrets;
mod series;
mod stop;
mod tenants;
mod transport;
mod world;
