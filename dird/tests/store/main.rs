//! Both engines of the store held to one contract. Each test runs on a fresh `SQLite` file and on a fresh `PostgreSQL` database.

#![allow(clippy::unwrap_used)]

/// Makes tests of functions that take a [`world::World`].
macro_rules! on_both_engines {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $name() {
                super::$name(crate::world::World::sqlite().await).await;
            })+
        }
        mod postgres {
            $(#[tokio::test]
            async fn $name() {
                super::$name(crate::world::World::postgres().await).await;
            })+
        }
    };
}

mod accounts;
mod changes;
mod contacts;
mod directories;
mod directory_entries;
mod displays;
mod editors;
mod followers;
mod held_lists;
mod interleavings;
mod inventory;
mod isolation;
mod lists;
mod mirrors;
mod outage;
mod people;
mod phonebooks;
mod profiles;
mod sources;
mod statements;
mod tenancy;
mod world;
