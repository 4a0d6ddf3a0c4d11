//! `dird user add|list|remove|password`: people who log in at the built-in authority.

use std::io::{BufRead, IsTerminal, Write};

use anyhow::{Context, bail};
use clap::Subcommand;
use kit::secret::Secret;

use super::{echo, tenant};
use crate::identity::UserId;
use crate::identity::builtin::{Accounts, AccountsError, UserRecord, secret};
use crate::store::Store;

/// What a person may do with a token of their own, unless it is said. What others change is not theirs to follow.
pub(super) const USER_ACL: [&str; 5] = [
    "dird.directories.#",
    "!dird.directories.changes.read",
    "dird.personal.#",
    "dird.status.read",
    "auth.users.me.#",
];

#[derive(Debug, Subcommand)]
pub(super) enum User {
    /// Make a user and print its identifier.
    Add {
        /// Login name, unique over all tenants.
        login: String,
        /// Name or identifier of the user's tenant.
        #[arg(long)]
        tenant: String,
        /// Read the password from standard input instead of asking for it.
        #[arg(long)]
        password_stdin: bool,
        /// Access pattern of the user's tokens; may be repeated. Directories and personal contacts when left out.
        #[arg(long = "acl")]
        acl: Vec<String>,
    },
    /// List the users: identifier, identifier of the tenant, login name, access patterns.
    List {
        /// Only those of the tenant of this name or identifier.
        #[arg(long)]
        tenant: Option<String>,
    },
    /// Remove a user; its tokens are worth nothing then.
    Remove {
        /// Login name.
        login: String,
    },
    /// Give a user a new password; its tokens are worth nothing then.
    Password {
        /// Login name.
        login: String,
        /// Read the password from standard input instead of asking for it.
        #[arg(long)]
        password_stdin: bool,
    },
}

impl User {
    pub(super) async fn execute(self, store: &Store) -> anyhow::Result<()> {
        let accounts: &dyn Accounts = store.as_ref();
        match self {
            Self::Add {
                login,
                tenant,
                password_stdin,
                acl,
            } => {
                let user = new_user(accounts, login, &tenant, acl).await?;
                put(accounts, user.clone(), password_stdin).await?;
                println!("{}", user.uuid);
            }
            Self::List { tenant } => list(accounts, tenant.as_deref()).await?,
            Self::Remove { login } => {
                let user = known(accounts, &login).await?;
                accounts.remove_user(&user.uuid).await?;
            }
            Self::Password {
                login,
                password_stdin,
            } => {
                let user = known(accounts, &login).await?;
                let auth_id = user.uuid.to_string();
                put(accounts, user, password_stdin).await?;
                accounts.end_sessions(&auth_id).await?;
            }
        }
        Ok(())
    }
}

async fn new_user(
    accounts: &dyn Accounts,
    login: String,
    tenant: &str,
    acl: Vec<String>,
) -> anyhow::Result<UserRecord> {
    // HTTP Basic ends the name at the first colon.
    if login.is_empty() || login.contains(':') {
        bail!("a login name is not empty and has no colon");
    }
    // A key of that name would answer in the user's place.
    let taken =
        accounts.user_named(&login).await?.is_some() || accounts.key_named(&login).await?.is_some();
    if taken {
        return Err(AccountsError::Taken(login).into());
    }
    let default = || USER_ACL.map(str::to_owned).to_vec();
    Ok(UserRecord {
        uuid: UserId::random(),
        tenant: tenant::known(accounts, tenant).await?.uuid,
        username: login,
        password_hash: None,
        acl: if acl.is_empty() { default() } else { acl },
    })
}

/// Stores the user with a password that is asked for.
async fn put(accounts: &dyn Accounts, user: UserRecord, from_stdin: bool) -> anyhow::Result<()> {
    let password_hash = Some(secret::hash_password(&read_password(from_stdin)?)?);
    accounts
        .put_user(&UserRecord {
            password_hash,
            ..user
        })
        .await?;
    Ok(())
}

async fn list(accounts: &dyn Accounts, tenant: Option<&str>) -> anyhow::Result<()> {
    let only = match tenant {
        Some(asked) => Some(tenant::known(accounts, asked).await?.uuid),
        None => None,
    };
    for user in accounts.users().await? {
        if only.as_ref().is_none_or(|only| *only == user.tenant) {
            let acl = user.acl.join(" ");
            println!("{}\t{}\t{}\t{acl}", user.uuid, user.tenant, user.username);
        }
    }
    Ok(())
}

async fn known(accounts: &dyn Accounts, login: &str) -> anyhow::Result<UserRecord> {
    let found = accounts.user_named(login).await?;
    found.with_context(|| format!("no such user: {login}"))
}

/// One line of standard input: as it comes, or typed twice unseen.
pub(super) fn read_password(from_stdin: bool) -> anyhow::Result<Secret> {
    if from_stdin {
        return read_line();
    }
    if !std::io::stdin().is_terminal() {
        bail!("standard input is no terminal; --password-stdin reads the password from it");
    }
    let quiet = echo::Off::new()?;
    let (first, again) = (ask("Password: ")?, ask("Again: ")?);
    drop(quiet);
    if first.expose() != again.expose() {
        bail!("the two passwords differ");
    }
    Ok(first)
}

fn ask(question: &str) -> anyhow::Result<Secret> {
    eprint!("{question}");
    std::io::stderr().flush()?;
    let typed = read_line();
    eprintln!();
    typed
}

fn read_line() -> anyhow::Result<Secret> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    let password = line.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        bail!("an empty password protects nothing");
    }
    Ok(Secret::new(password))
}
