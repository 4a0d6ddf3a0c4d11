//! What can be asked (dird-api-graphql.md §1). Root fields check the caller, each for itself; contacts are looked up in the
//! tenant of the request, as the profile's `reverse` service says.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use async_graphql::{Context, Error, Object};

use super::Asking;
use super::connection::{ContactConnection, Slice};
use super::contact::ContactInterface;
use super::refusal::{authority_unreachable, lookup_failed, nulled, unauthorized};
use crate::backends::Asker;
use crate::identity::{Caller, Refusal, UserId, authenticate};
use crate::lookup::{Known, LookupError};
use crate::monitor;

/// What looking numbers up counts for, in fields: it asks every source of a profile.
pub(super) const LOOKUP_COST: usize = 50;

/// Numbers that one field may ask for.
const NUMBERS: usize = 10_000;

/// The root.
pub(super) struct Query;

#[Object]
impl Query {
    /// Return "world"
    async fn hello(&self, ctx: &Context<'_>) -> Option<&'static str> {
        nulled(ctx, granted(ctx, "hello").await)?;
        Some("world")
    }

    /// The user linked to the authentication token
    async fn me(&self, ctx: &Context<'_>) -> Option<UserMe> {
        nulled(ctx, granted(ctx, "me").await).map(UserMe)
    }

    /// The user to use for this query
    async fn user(&self, ctx: &Context<'_>, uuid: Option<String>) -> Option<User> {
        let caller = nulled(ctx, granted(ctx, "user").await)?;
        let missing = || Error::new("The argument `uuid` is missing");
        let uuid = nulled(ctx, uuid.ok_or_else(missing))?;
        Some(User { caller, uuid })
    }
}

/// The user behind the token.
pub(super) struct UserMe(Caller);

#[Object]
#[allow(
    clippy::too_many_arguments,
    reason = "they are the arguments of the schema"
)]
impl UserMe {
    /// The contacts behind numbers, as this user sees them.
    #[graphql(complexity = "LOOKUP_COST + child_complexity")]
    async fn contacts(
        &self,
        ctx: &Context<'_>,
        extens: Option<Vec<Option<String>>>,
        profile: Option<String>,
        before: Option<String>,
        after: Option<String>,
        first: Option<i32>,
        last: Option<i32>,
    ) -> Option<ContactConnection> {
        let wanted = Wanted {
            profile,
            extens: extens.unwrap_or_default(),
            slice: Slice {
                before,
                after,
                first,
                last,
            },
        };
        let asker = Asker {
            user: self.0.user().cloned(),
            home: self.0.home(),
            token: self.0.token().clone(),
        };
        let found = contacts(ctx, &self.0, &asker, wanted);
        nulled(ctx, found.await)
    }

    /// The user's identifier.
    async fn user_uuid(&self) -> Option<String> {
        self.0.user().map(|user| user.as_str().to_owned())
    }
}

/// A user whom nobody needs to know.
pub(super) struct User {
    caller: Caller,
    uuid: String,
}

#[Object]
#[allow(
    clippy::too_many_arguments,
    reason = "they are the arguments of the schema"
)]
impl User {
    /// The contacts behind numbers, as this user sees them.
    #[graphql(complexity = "LOOKUP_COST + child_complexity")]
    async fn contacts(
        &self,
        ctx: &Context<'_>,
        extens: Option<Vec<Option<String>>>,
        profile: Option<String>,
        before: Option<String>,
        after: Option<String>,
        first: Option<i32>,
        last: Option<i32>,
    ) -> Option<ContactConnection> {
        let wanted = Wanted {
            profile,
            extens: extens.unwrap_or_default(),
            slice: Slice {
                before,
                after,
                first,
                last,
            },
        };
        let asker = Asker {
            user: UserId::new(&self.uuid),
            home: self.caller.tenant(),
            token: self.caller.token().clone(),
        };
        let found = contacts(ctx, &self.caller, &asker, wanted);
        nulled(ctx, found.await)
    }

    /// The identifier that was given.
    async fn uuid(&self) -> Option<&str> {
        Some(&self.uuid)
    }
}

/// The caller, if his token is good for a root field.
async fn granted(ctx: &Context<'_>, field: &str) -> Result<Caller, Error> {
    let asking = ctx.data::<Asking>()?;
    let token = &asking.claim.token;
    let Ok(tenant) = asking.claim.tenant.clone() else {
        return Err(unauthorized(token));
    };
    let authority = asking.app.authority.as_ref();
    let access = format!("dird.graphql.{field}");
    let checked = authenticate(authority, token.clone(), &access, tenant).await;
    monitor::checked(&checked);
    checked.map_err(|refusal| match refusal {
        Refusal::Unreachable(cause) => authority_unreachable(&authority.address(), &cause),
        // An authority that fails over a token has not found it good.
        Refusal::UnknownToken | Refusal::Forbidden | Refusal::Failed(_) => unauthorized(token),
    })
}

/// What is asked of a user.
struct Wanted {
    profile: Option<String>,
    extens: Vec<Option<String>>,
    slice: Slice,
}

async fn contacts(
    ctx: &Context<'_>,
    caller: &Caller,
    asker: &Asker,
    wanted: Wanted,
) -> Result<ContactConnection, Error> {
    let unnamed = || lookup_failed(&LookupError::UnknownProfile("None".into()));
    let profile = wanted.profile.ok_or_else(unnamed)?;
    if wanted.extens.len() > NUMBERS {
        return Err(Error::new(format!(
            "The argument `extens` has {} numbers; at most {NUMBERS} can be asked for",
            wanted.extens.len()
        )));
    }
    let lookup = &ctx.data::<Asking>()?.app.lookup;
    let mut seen = HashSet::new();
    let extens: Vec<_> = wanted
        .extens
        .into_iter()
        .filter(|exten| seen.insert(exten.clone()))
        .collect();
    let numbers: Vec<String> = extens.iter().flatten().cloned().collect();
    let found = lookup
        .reverse(&caller.tenant(), &profile, &numbers, asker)
        .await;
    let found = found.map_err(|error| lookup_failed(&error))?;
    let found: HashMap<String, Arc<Known>> = found
        .into_iter()
        .map(|(number, known)| (number, Arc::new(known)))
        .collect();
    let node = |exten: Option<String>| {
        let known = found.get(&exten?)?;
        Some(ContactInterface::from(Arc::clone(known)))
    };
    let nodes = extens.into_iter().map(node).collect();
    ContactConnection::new(nodes, &wanted.slice).map_err(Error::new)
}
