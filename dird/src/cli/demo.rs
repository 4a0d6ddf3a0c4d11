//! `dird demo`: two invented companies that share this dird without seeing each other, so that a phone has something to find.
//! Running it again changes nothing but phoned's key.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use serde_json::{Map, json};

use super::{intercom, key, people, user::USER_ACL};
use crate::config::Config;
use crate::identity::builtin::{Accounts, TenantRecord, UserRecord, secret};
use crate::identity::{SystemAuthority, Tenant, TenantId, UserId};
use crate::store::model::{
    Contact, ContactId, DisplayColumn, Fields, Profile, ProfileId, ProfileService, Source,
    SourceId, random_id,
};
use crate::store::{Mapping, Store, StoreError};

/// Contacts written in one transaction.
const BATCH: usize = 10_000;

/// Service identifier of phoned's key.
const PHONED: &str = "phoned";

/// Name and password of the account of door stations.
const DOOR: &str = "door";

/// What phoned asks for: the tenant of a user, lookups for users, and to be told what changes.
const PHONED_ACL: [&str; 4] = [
    "auth.users.*.read",
    "dird.directories.lookup.*.*.read",
    "dird.directories.reverse.*.*.read",
    "dird.directories.changes.read",
];

#[derive(Debug, Args)]
pub(super) struct Demo {
    /// Folder with people.csv, phonebook.csv and clinic.csv.
    #[arg(long, default_value = "config/demo")]
    data: PathBuf,
    /// Where phoned's key file is written.
    #[arg(long, default_value = "var/phoned-key.yml")]
    key_file: PathBuf,
    /// Where the account of door stations is written, if intercom.enabled is set; dird must read it as an extra file.
    #[arg(long, default_value = "var/dird.d/intercom.yml")]
    accounts_file: PathBuf,
    /// Fill the first company's phonebook with this many generated people instead of phonebook.csv.
    #[arg(long)]
    contacts: Option<usize>,
}

/// An invented company.
struct Company {
    tenant: &'static str,
    name: &'static str,
    user: &'static str,
    login: &'static str,
    phonebook: &'static str,
    file: &'static str,
    people: Option<&'static str>,
}

const COMPANIES: [Company; 2] = [
    Company {
        tenant: "8e0d3f6a-4f2b-4c1d-9a57-0d3c5b7e1a01",
        name: "Northwind Paper",
        user: "1b9c2d7e-6a35-4e8f-8c41-5f7a9d3e2b01",
        login: "nora",
        phonebook: "suppliers",
        file: "phonebook.csv",
        people: Some("people.csv"),
    },
    Company {
        tenant: "8e0d3f6a-4f2b-4c1d-9a57-0d3c5b7e1a02",
        name: "Harbour Clinic",
        user: "1b9c2d7e-6a35-4e8f-8c41-5f7a9d3e2b02",
        login: "henry",
        phonebook: "clinic",
        file: "clinic.csv",
        people: None,
    },
];

impl Demo {
    pub(super) async fn execute(self, config: &Config, store: &Store) -> anyhow::Result<()> {
        let master = key::master_tenant(config, store).await?;
        for (index, company) in COMPANIES.iter().enumerate() {
            let tenant = accounts(store.as_ref(), company, &master).await?;
            let generated = self.contacts.filter(|_| index == 0);
            self.directory(store, company, &tenant, generated).await?;
            if index == 0 && config.intercom.enabled {
                self.publish(store, company, &tenant).await?;
            }
            println!("tenant   {}   {}", company.tenant, company.name);
            println!(
                "user     {}   {} (password: {})",
                company.user, company.login, company.login
            );
        }
        println!("profile  default");
        store.revoke_key(PHONED).await?;
        let acl = PHONED_ACL.map(str::to_owned).to_vec();
        let phoned = key::create(store.as_ref(), PHONED, master, acl).await?;
        key::write_key_file(&self.key_file, PHONED, &phoned)?;
        println!("key file {}", self.key_file.display());
        Ok(())
    }

    /// The sources, the display and the profile of a company; left as they are if the profile exists.
    async fn directory(
        &self,
        store: &Store,
        company: &Company,
        tenant: &Tenant,
        generated: Option<usize>,
    ) -> anyhow::Result<()> {
        if store.resolve_profile(tenant, "default").await?.is_some() {
            return Ok(());
        }
        let mut sources = Vec::new();
        if let Some(file) = company.people {
            let path = self.data.join(file);
            let path = path
                .canonicalize()
                .with_context(|| path.display().to_string())?;
            sources.push(csv_source(tenant, &path));
        }
        sources.push(
            self.phonebook_source(store, company, tenant, generated)
                .await?,
        );
        for source in &sources {
            match store.create_source(tenant, source).await {
                Err(StoreError::NameTaken(name)) => {
                    bail!("a source {name} exists without its profile")
                }
                created => created?,
            }
        }
        let display = store.create_display(tenant, "desk", &columns()).await?;
        let ids: Vec<SourceId> = sources.into_iter().map(|source| source.uuid).collect();
        let service = |name: &str| {
            (
                name.to_owned(),
                ProfileService {
                    sources: ids.clone(),
                    options: Some(Map::new()),
                },
            )
        };
        let profile = Profile {
            uuid: ProfileId(random_id()),
            tenant: tenant.id().clone(),
            name: "default".into(),
            display: Some(display.uuid),
            services: ["lookup", "reverse", "favorites"]
                .map(service)
                .into_iter()
                .collect(),
        };
        Ok(store.create_profile(tenant, &profile).await?)
    }

    /// The company's phonebook as the directory of its door stations, and an account for them.
    async fn publish(
        &self,
        store: &Store,
        company: &Company,
        tenant: &Tenant,
    ) -> anyhow::Result<()> {
        let found = store.phonebook_named(tenant, company.phonebook).await?;
        let phonebook = found.context("the demo's phonebook is gone")?.uuid;
        let published = (&Mapping::default(), true);
        intercom::publish(store, tenant, &phonebook, published).await?;
        let password = kit::secret::Secret::new(DOOR);
        let account = intercom::account(DOOR, &password, (&phonebook.0, "control"))?;
        let file = json!({"intercom": {"accounts": [account]}});
        if let Some(folder) = self.accounts_file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let named = || self.accounts_file.display().to_string();
        std::fs::write(&self.accounts_file, format!("{file:#}\n")).with_context(named)?;
        println!("door     {phonebook}   {DOOR} (password: {DOOR})");
        let mut reading = store.read_entries(tenant, &phonebook, 0).await?;
        if let Some(entry) = reading.next().await?.first() {
            println!("entry    {}", entry.spelling);
        }
        Ok(())
    }

    async fn phonebook_source(
        &self,
        store: &Store,
        company: &Company,
        tenant: &Tenant,
        generated: Option<usize>,
    ) -> anyhow::Result<Source> {
        let phonebook = match store.phonebook_named(tenant, company.phonebook).await? {
            Some(phonebook) => phonebook,
            None => {
                store
                    .create_phonebook(tenant, company.phonebook, None)
                    .await?
            }
        };
        let contacts = match generated {
            Some(count) => people::generated(count),
            None => read_contacts(&self.data.join(company.file))?,
        };
        let list = (&phonebook.uuid).into();
        let mut import = store.import_contacts(tenant, &list).await?;
        for batch in contacts.chunks(BATCH) {
            import.add(batch).await?;
        }
        import.commit().await?;
        let mut source = source(tenant, "phonebook", company.phonebook);
        source.phonebook = Some(phonebook.uuid);
        Ok(source)
    }
}

/// The tenant and its user.
async fn accounts(
    accounts: &dyn Accounts,
    company: &Company,
    master: &TenantId,
) -> anyhow::Result<Tenant> {
    let tenant = TenantId::new(company.tenant).context("a demo tenant has no identifier")?;
    let record = TenantRecord {
        uuid: tenant.clone(),
        parent: Some(master.clone()),
        name: company.name.into(),
    };
    accounts.put_tenant(&record).await?;
    let user = UserId::new(company.user).context("a demo user has no identifier")?;
    let password_hash = secret::hash_password(&kit::secret::Secret::new(company.login))?;
    let record = UserRecord {
        uuid: user,
        tenant: tenant.clone(),
        username: company.login.into(),
        password_hash: Some(password_hash),
        acl: USER_ACL.map(str::to_owned).to_vec(),
    };
    accounts.put_user(&record).await?;
    Ok(SystemAuthority::new("demo site").tenant(tenant))
}

fn columns() -> Vec<DisplayColumn> {
    let column = |field: &str, title: &str, kind: &str| DisplayColumn {
        field: Some(field.into()),
        title: Some(title.into()),
        r#type: Some(kind.into()),
        ..DisplayColumn::default()
    };
    vec![
        column("name", "Name", "name"),
        column("phone", "Number", "number"),
        column("phone_mobile", "Mobile", "number"),
        column("email", "E-mail", "email"),
        column("favorite", "Favourite", "favorite"),
    ]
}

fn source(tenant: &Tenant, backend: &str, name: &str) -> Source {
    let list = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    let templates = [
        ("name", "{firstname} {lastname}"),
        ("phone", "{number}"),
        ("phone_mobile", "{mobile}"),
        ("reverse", "{firstname} {lastname}"),
    ];
    Source {
        uuid: SourceId(random_id()),
        tenant: tenant.id().clone(),
        backend: backend.into(),
        name: name.into(),
        searched_columns: list(&["firstname", "lastname", "number", "mobile", "company"]),
        first_matched_columns: list(&["number", "mobile"]),
        format_columns: templates
            .map(|(name, text)| (name.into(), text.into()))
            .into_iter()
            .collect(),
        phonebook: None,
        phonebook_description: None,
        extra: Map::new(),
    }
}

fn csv_source(tenant: &Tenant, path: &Path) -> Source {
    let mut csv = source(tenant, "csv", "people");
    csv.extra.insert("file".into(), json!(path));
    csv.extra.insert("separator".into(), json!(","));
    csv.extra.insert("unique_column".into(), json!("id"));
    csv
}

/// The contacts of a CSV file, without its own identifiers.
fn read_contacts(path: &Path) -> anyhow::Result<Vec<Contact>> {
    let named = || path.display().to_string();
    let mut reader = csv::Reader::from_path(path).with_context(named)?;
    let columns = reader.headers().with_context(named)?.clone();
    let mut contacts = Vec::new();
    for record in reader.records() {
        let record = record.with_context(named)?;
        let fields: Fields = columns
            .iter()
            .zip(record.iter())
            .filter(|(column, _)| *column != "id")
            .map(|(column, value)| (column.to_owned(), Some(value.to_owned())))
            .collect();
        contacts.push(Contact {
            uuid: ContactId(random_id()),
            fields,
        });
    }
    Ok(contacts)
}
