//! `dird intercom publish|unpublish|list|status|rotate-series|account`: phonebooks as directories of an intercom
//! (intercom-directory.md §8.4). They work whether or not a dird is serving.

use anyhow::{Context, bail};
use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use serde_json::json;

use super::user::read_password;
use crate::identity::{SystemAuthority, Tenant};
use crate::intercom::{begin_series, hashed};
use crate::store::model::PhonebookId;
use crate::store::{Directories, Directory, Mapping, PhonebookKey, Store};

const SYSTEM: SystemAuthority = SystemAuthority::new("command line");

#[derive(Debug, Subcommand)]
pub(super) enum Intercom {
    /// Publish a phonebook: its contacts become entries.
    Publish(Publish),
    /// Publish a phonebook no longer. Its contacts stay; what only entries have, such as access data, is forgotten.
    Unpublish {
        /// Identifier of the phonebook.
        #[arg(long)]
        phonebook: String,
    },
    /// List the published phonebooks: identifier, tenant, `default` or `-`, name.
    List,
    /// Show where each directory stands: identifier, series, its first timestamp, last timestamp, entries, deleted entries.
    Status,
    /// Begin a new series, so that every client reads anew: the end of restoring a backup.
    RotateSeries(Which),
    /// Ask for a password and print an account for `intercom.accounts`. The password itself is not kept.
    Account(Account),
}

#[derive(Debug, Args)]
pub(super) struct Publish {
    /// Identifier of the phonebook.
    #[arg(long)]
    phonebook: String,
    /// It is the directory of the tenant's tokens.
    #[arg(long)]
    default: bool,
    /// Contact field of an entry's field, such as name=name, email=email or `callPos[0].peer=number`; may be repeated. The
    /// others are as usual. Without any, a published phonebook keeps those it has; one that gets others has its clients read
    /// anew.
    #[arg(long = "field", value_name = "ENTRY=CONTACT")]
    fields: Vec<String>,
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("which").required(true).args(["phonebook", "all"])))]
pub(super) struct Which {
    /// Identifier of the phonebook.
    #[arg(long)]
    phonebook: Option<String>,
    /// Every published phonebook.
    #[arg(long)]
    all: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Privilege {
    /// Read.
    Monitoring,
    /// Read and write.
    Control,
}

#[derive(Debug, Args)]
pub(super) struct Account {
    /// Name of the account.
    username: String,
    /// Identifier of the phonebook.
    #[arg(long)]
    phonebook: String,
    /// What it may do.
    #[arg(long, value_enum, default_value = "monitoring")]
    privilege: Privilege,
    /// Read the password from standard input instead of asking for it.
    #[arg(long)]
    password_stdin: bool,
}

impl Intercom {
    pub(super) async fn execute(self, store: &Store) -> anyhow::Result<()> {
        match self {
            Self::Publish(publish) => publish.execute(store).await,
            Self::Unpublish { phonebook } => {
                let directory = published(store.as_ref(), phonebook).await?;
                let tenant = SYSTEM.tenant(directory.tenant);
                Ok(store.unpublish(&tenant, &directory.phonebook).await?)
            }
            Self::List => {
                for one in store.directories(SYSTEM).await? {
                    let default = if one.default { "default" } else { "-" };
                    println!("{}\t{}\t{default}\t{}", one.phonebook, one.tenant, one.name);
                }
                Ok(())
            }
            Self::Status => status(store.as_ref()).await,
            Self::RotateSeries(which) => which.rotate(store.as_ref()).await,
            Self::Account(account) => account.print(),
        }
    }
}

async fn status(store: &dyn Directories) -> anyhow::Result<()> {
    for one in store.directories(SYSTEM).await? {
        let tenant = SYSTEM.tenant(one.tenant);
        let count = store.entry_population(&tenant, &one.phonebook).await?;
        println!(
            "{}\t{}\t{}\t{}\t{}\t{}",
            one.phonebook,
            one.series,
            one.series_start,
            one.timestamp,
            count.live,
            count.tombstones
        );
    }
    Ok(())
}

async fn published(store: &dyn Directories, phonebook: String) -> anyhow::Result<Directory> {
    let phonebook = PhonebookId(phonebook);
    let found = store.directory_of(SYSTEM, &phonebook).await?;
    found.with_context(|| format!("no published phonebook: {phonebook}"))
}

impl Publish {
    async fn execute(self, store: &Store) -> anyhow::Result<()> {
        let named = mapping(&self.fields)?;
        let phonebook = PhonebookId(self.phonebook);
        let known = store.directory_of(SYSTEM, &phonebook).await?;
        let known = known.filter(|_| self.fields.is_empty());
        let mapping = known.map_or(named, |known| known.mapping);
        let tenant = owner(store, &phonebook).await?;
        publish(store, &tenant, &phonebook, (&mapping, self.default)).await
    }
}

/// Publishes a phonebook of the tenant.
pub(super) async fn publish(
    store: &Store,
    tenant: &Tenant,
    phonebook: &PhonebookId,
    (mapping, default): (&Mapping, bool),
) -> anyhow::Result<()> {
    let begun = begin_series(store.as_ref(), 0).await?;
    let published = store.publish(tenant, phonebook, &begun, (mapping, default));
    Ok(published.await?)
}

/// The tenant that has the phonebook.
async fn owner(store: &Store, phonebook: &PhonebookId) -> anyhow::Result<Tenant> {
    let key = PhonebookKey::Uuid(phonebook.clone());
    for tenant in store.tenants().await? {
        let tenant = SYSTEM.tenant(tenant.uuid);
        if store.phonebook(&tenant, &key).await?.is_some() {
            return Ok(tenant);
        }
    }
    bail!("no such phonebook: {phonebook}")
}

/// The usual fields but for those that are named.
fn mapping(fields: &[String]) -> anyhow::Result<Mapping> {
    let mut mapping = Mapping::default();
    for field in fields {
        let named = field
            .split_once('=')
            .filter(|(_, contact)| !contact.is_empty());
        let (entry, contact) = named.with_context(|| format!("{field} is not ENTRY=CONTACT"))?;
        let place = match entry {
            "name" => &mut mapping.name,
            "email" => &mut mapping.email,
            "callPos[0].peer" => &mut mapping.peers[0],
            "callPos[1].peer" => &mut mapping.peers[1],
            "callPos[2].peer" => &mut mapping.peers[2],
            other => bail!("{other} is not a field that contacts have"),
        };
        contact.clone_into(place);
    }
    let all = [&mapping.name, &mapping.email]
        .into_iter()
        .chain(&mapping.peers);
    let mut seen = std::collections::HashSet::new();
    for contact in all {
        if !seen.insert(contact) {
            bail!("two fields of an entry cannot be the same field of a contact: {contact}");
        }
    }
    Ok(mapping)
}

impl Which {
    async fn rotate(self, store: &dyn Directories) -> anyhow::Result<()> {
        let directories = match self.phonebook {
            Some(phonebook) => vec![published(store, phonebook).await?],
            None => store.directories(SYSTEM).await?,
        };
        for one in directories {
            let begun = begin_series(store, 0).await?;
            let tenant = SYSTEM.tenant(one.tenant);
            store.begin_series(&tenant, &one.phonebook, &begun).await?;
            println!("{}\t{}", one.phonebook, begun.series);
        }
        Ok(())
    }
}

impl Account {
    fn print(self) -> anyhow::Result<()> {
        if self.username.is_empty() || self.username.contains([':', '"', '\\']) {
            bail!("a name without colon, quote and backslash is needed");
        }
        let password = read_password(self.password_stdin)?;
        let privilege = match self.privilege {
            Privilege::Monitoring => "monitoring",
            Privilege::Control => "control",
        };
        println!(
            "- {}",
            account(&self.username, &password, (&self.phonebook, privilege))?
        );
        Ok(())
    }
}

/// An account as the configuration has it.
pub(super) fn account(
    username: &str,
    password: &kit::secret::Secret,
    (phonebook, privilege): (&str, &str),
) -> anyhow::Result<serde_json::Value> {
    let hashed = hashed(username, password)?;
    let text = |secret: &Option<kit::secret::Secret>| {
        let secret = secret.as_ref();
        secret.map(|secret| secret.expose().to_owned())
    };
    Ok(json!({
        "username": username,
        "directory": phonebook,
        "privilege": privilege,
        "secret": {
            "md5": text(&hashed.md5),
            "sha256": text(&hashed.sha256),
            "argon2": text(&hashed.argon2),
        },
    }))
}
