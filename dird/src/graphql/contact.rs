//! A contact as GraphQL shows it (dird-api-graphql.md §1, §4).

#![allow(
    clippy::duplicated_attributes,
    reason = "the fields of an interface may be of one type"
)]

use std::sync::Arc;

use async_graphql::{Context, Error, Interface, Object};

use super::refusal::nulled;
use crate::backends::Field;
use crate::lookup::Known;

/// A person behind a number.
#[derive(Interface)]
#[graphql(
    field(name = "firstname", ty = "Option<String>"),
    field(name = "lastname", ty = "Option<String>"),
    field(name = "email", ty = "Option<String>"),
    field(name = "wazo_reverse", ty = "Option<String>"),
    field(name = "wazo_source_entry_id", ty = "Option<String>"),
    field(name = "wazo_source_name", ty = "Option<String>"),
    field(name = "wazo_backend", ty = "Option<String>")
)]
pub(super) enum ContactInterface {
    Contact(Contact),
    WazoContact(WazoContact),
}

impl From<Arc<Known>> for ContactInterface {
    fn from(known: Arc<Known>) -> Self {
        if known.backend() == "wazo" {
            WazoContact(known).into()
        } else {
            Contact(known).into()
        }
    }
}

/// A contact of any source.
pub(super) struct Contact(Arc<Known>);

/// A user of the platform.
pub(super) struct WazoContact(Arc<Known>);

/// An object type with the fields that all contacts have, and more.
macro_rules! contact_object {
    ($name:ident { $($more:tt)* }) => {
        #[Object]
        impl $name {
            /// First name.
            async fn firstname(&self, ctx: &Context<'_>) -> Option<String> {
                text(ctx, &self.0, "firstname")
            }

            /// Last name.
            async fn lastname(&self, ctx: &Context<'_>) -> Option<String> {
                text(ctx, &self.0, "lastname")
            }

            /// Mail address.
            async fn email(&self, ctx: &Context<'_>) -> Option<String> {
                text(ctx, &self.0, "email")
            }

            /// The name that a phone shows.
            async fn wazo_reverse(&self, ctx: &Context<'_>) -> Option<String> {
                text(ctx, &self.0, "reverse")
            }

            /// The source's own identifier of the contact.
            async fn wazo_source_entry_id(&self) -> Option<String> {
                self.0.relations().source_entry_id.clone()
            }

            /// Name of the contact's source.
            async fn wazo_source_name(&self) -> Option<String> {
                Some(self.0.source().to_owned())
            }

            /// Backend of the contact's source.
            async fn wazo_backend(&self) -> Option<String> {
                Some(self.0.backend().to_owned())
            }

            $($more)*
        }
    };
}

contact_object!(Contact {});

contact_object!(WazoContact {
    /// Number of the user.
    async fn user_id(&self) -> Option<String> {
        self.0.relations().user_id.map(|id| id.to_string())
    }

    /// Identifier of the user.
    async fn user_uuid(&self) -> Option<String> {
        self.0.relations().user_uuid.clone()
    }

    /// Number of the user's line.
    async fn endpoint_id(&self) -> Option<String> {
        self.0.relations().endpoint_id.map(|id| id.to_string())
    }

    /// Number of the user as an agent.
    async fn agent_id(&self) -> Option<String> {
        self.0.relations().agent_id.map(|id| id.to_string())
    }
});

/// The text of a field. A list or an object is none, and reported.
fn text(ctx: &Context<'_>, known: &Known, name: &str) -> Option<String> {
    let field = known.field(name)?;
    if let Field::Json(value) = field
        && (value.is_array() || value.is_object())
    {
        return nulled(ctx, Err(Error::new(format!("`{name}` is no text"))));
    }
    field.to_text()
}
