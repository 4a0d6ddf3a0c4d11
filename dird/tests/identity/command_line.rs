//! `dird tenant`, `dird user` and `dird key`, as an administrator runs them.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use dird::identity::builtin::Builtin;
use dird::identity::{Authority, SystemAuthority, Tenant, Token};
use dird::store::model::SourceId;
use dird::store::{Page, Store};
use dird::tenant_defaults::{self, Outcome};
use kit::secret::Secret;
use serde_json::json;
use tempfile::TempDir;

use crate::wazo::tenant;

/// Where an administrator sits: a configuration on a database of its own.
pub(crate) struct Desk {
    /// Folder for files of a test.
    pub(crate) folder: TempDir,
    config: PathBuf,
}

impl Desk {
    /// A desk nobody has worked at.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("dird.yml");
        let settings = json!({
            "db_uri": uri(folder.path()),
            "extra_config_files": folder.path().join("none"),
            "auth": {"backend": "builtin"},
        });
        std::fs::write(&config, settings.to_string()).unwrap();
        Self { folder, config }
    }

    /// Runs dird with these arguments and this on its standard input.
    pub(crate) fn run(&self, arguments: &[&str], input: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dird"));
        command.arg("-c").arg(&self.config).args(arguments);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A command that reads nothing may have ended already.
        let _unread = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    }

    /// What a command that succeeds prints.
    pub(crate) fn prints(&self, arguments: &[&str], input: &str) -> String {
        let output = self.run(arguments, input);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{arguments:?}: {errors}");
        String::from_utf8(output.stdout)
            .unwrap()
            .trim_end()
            .to_owned()
    }

    /// What a command that fails complains about.
    pub(crate) fn complains(&self, arguments: &[&str], input: &str) -> String {
        let output = self.run(arguments, input);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(output.stdout.is_empty());
        String::from_utf8(output.stderr).unwrap()
    }

    /// The database, beside dird.
    pub(crate) async fn store(&self) -> Store {
        dird::store::open(&uri(self.folder.path())).await.unwrap()
    }

    async fn authority(&self) -> Builtin {
        let address = ("127.0.0.1".to_owned(), 1);
        Builtin::open(self.store().await as Arc<_>, Duration::ZERO, address)
            .await
            .unwrap()
    }
}

fn uri(folder: &Path) -> String {
    format!("sqlite:{}", folder.join("dird.db").display())
}

pub(crate) fn proof(uuid: &str) -> Tenant {
    SystemAuthority::new("test").tenant(tenant(uuid))
}

fn by_name() -> Page {
    Page {
        order: "name",
        ..Page::default()
    }
}

#[tokio::test]
async fn a_new_tenant_has_what_the_platform_would_give_it() {
    let desk = Desk::new();
    let acme = desk.prints(&["tenant", "add", "acme"], "");
    let store = desk.store().await;
    let resolved = store
        .resolve_profile(&proof(&acme), "default")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(resolved.display.unwrap().name, "auto_acme");
    let names = |service: &str| -> Vec<&str> {
        let ids = &resolved.profile.services[service].sources;
        let name = |id: &SourceId| {
            resolved
                .sources
                .iter()
                .find(|source| source.uuid == *id)
                .unwrap()
        };
        ids.iter().map(|id| name(id).name.as_str()).collect()
    };
    let five = [
        "auto_conference_acme",
        "personal",
        "auto_wazo_acme",
        "auto_office365_acme",
        "auto_google_acme",
    ];
    for service in ["lookup", "favorites", "reverse"] {
        assert_eq!(names(service), five);
    }
    let options = |service: &str| resolved.profile.services[service].options.clone();
    assert_eq!((options("lookup"), options("favorites")), (None, None));
    assert_eq!(
        options("reverse"),
        json!({"timeout": 0.5}).as_object().cloned()
    );
    let wazo = resolved
        .sources
        .iter()
        .find(|source| source.backend == "wazo")
        .unwrap();
    let confd = json!({"host": "localhost", "port": 9486, "prefix": null, "https": false, "version": "1.1"});
    assert_eq!(wazo.extra["confd"], confd);
    assert_eq!(
        wazo.searched_columns,
        ["firstname", "lastname", "full_name", "exten"]
    );
}

#[tokio::test]
async fn defaults_are_given_once_and_an_attempt_cut_short_is_completed() {
    let desk = Desk::new();
    let acme = desk.prints(&["tenant", "add", "acme"], "");
    assert_eq!(desk.prints(&["tenant", "add", "acme"], ""), acme);
    let (store, proof) = (desk.store().await, proof(&acme));
    let again = tenant_defaults::create(store.as_ref(), &proof, "acme")
        .await
        .unwrap();
    assert_eq!(again, Outcome::Present);
    let profile = store
        .resolve_profile(&proof, "default")
        .await
        .unwrap()
        .unwrap()
        .profile;
    store
        .delete_profile(&proof, &profile.uuid, None)
        .await
        .unwrap();
    let again = tenant_defaults::create(store.as_ref(), &proof, "acme")
        .await
        .unwrap();
    assert_eq!(again, Outcome::Created);
    let made = store
        .resolve_profile(&proof, "default")
        .await
        .unwrap()
        .unwrap()
        .profile;
    assert_eq!(made.services, profile.services);
    let displays = store
        .list_displays(&proof.alone(), &by_name())
        .await
        .unwrap();
    assert_eq!(displays.total, 1);
}

#[tokio::test]
async fn tenants_are_listed_nested_and_removed_with_what_is_in_them() {
    let desk = Desk::new();
    let acme = desk.prints(&["tenant", "add", "acme"], "");
    let shop = desk.prints(&["tenant", "add", "shop", "--parent", "acme"], "");
    let listed = desk.prints(&["tenant", "list"], "");
    assert!(
        listed.contains(&format!("{shop}\t{acme}\tshop")),
        "{listed}"
    );
    assert_eq!(listed.lines().count(), 3);
    assert!(
        desk.complains(&["tenant", "add", "shop"], "")
            .contains("already taken")
    );
    assert!(
        desk.complains(&["tenant", "add", "x", "--parent", "none"], "")
            .contains("no such tenant: none")
    );
    assert!(
        desk.complains(&["tenant", "remove", "acme"], "")
            .contains("tenants below it")
    );
    assert!(
        desk.complains(&["tenant", "remove", "none"], "")
            .contains("no such tenant")
    );
    desk.prints(&["tenant", "remove", &shop], "");
    assert!(
        desk.complains(&["tenant", "remove", "master"], "")
            .contains("it stays")
    );
    let store = desk.store().await;
    let sources = store
        .list_sources(&proof(&shop).alone(), None, &by_name())
        .await
        .unwrap();
    assert_eq!(sources.total, 0);
    assert_eq!(store.tenants().await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_user_logs_in_with_the_password_that_was_given_last() {
    let desk = Desk::new();
    let acme = desk.prints(&["tenant", "add", "acme"], "");
    let add = [
        "user",
        "add",
        "ann",
        "--tenant",
        "acme",
        "--password-stdin",
        "--acl",
        "dird.#",
    ];
    let ann = desk.prints(&add, "first\n");
    assert_eq!(
        desk.prints(&["user", "list"], ""),
        format!("{ann}\t{acme}\tann\tdird.#")
    );
    assert_eq!(desk.prints(&["user", "list", "--tenant", "master"], ""), "");
    assert!(
        desk.complains(&add, "other\n")
            .contains("ann is already taken")
    );
    let authority = desk.authority().await;
    let login = async |password: &str| authority.login("ann", &Secret::new(password), None).await;
    let (token, record) = login("first").await.unwrap();
    assert_eq!(record.tenant.as_str(), acme);
    desk.prints(&["user", "password", "ann", "--password-stdin"], "second\n");
    assert!(login("first").await.is_err());
    assert!(authority.describe(&token).await.is_err());
    let (token, _) = login("second").await.unwrap();
    desk.prints(&["user", "remove", "ann"], "");
    assert!(login("second").await.is_err());
    assert!(authority.describe(&token).await.is_err());
    assert!(
        desk.complains(&["user", "remove", "ann"], "")
            .contains("no such user: ann")
    );
}

#[test]
fn passwords_are_never_empty_nor_read_unasked_and_names_fit_a_login() {
    let desk = Desk::new();
    desk.prints(&["tenant", "add", "acme"], "");
    let add = |login, more: &[&str], input| {
        let arguments = [&["user", "add", login, "--tenant", "acme"], more].concat();
        desk.complains(&arguments, input)
    };
    assert!(add("ann", &["--password-stdin"], "\n").contains("empty password"));
    assert!(add("ann", &[], "secret\n").contains("--password-stdin"));
    assert!(add("a:b", &["--password-stdin"], "secret\n").contains("no colon"));
    assert_eq!(desk.prints(&["user", "list"], ""), "");
}

#[tokio::test]
async fn a_key_is_shown_once_and_worth_nothing_once_revoked() {
    let desk = Desk::new();
    let key = desk.prints(&["key", "create", "door", "--acl", "dird.status.read"], "");
    let listed = desk.prints(&["key", "list"], "");
    assert!(
        listed.starts_with("door\t") && !listed.contains(&key),
        "{listed}"
    );
    let authority = desk.authority().await;
    let token = Token::new(key);
    assert_eq!(
        authority.check(&token, "dird.status.read", None).await,
        Ok(())
    );
    desk.prints(&["key", "revoke", "door"], "");
    assert!(
        authority
            .check(&token, "dird.status.read", None)
            .await
            .is_err()
    );
    assert!(
        desk.complains(&["key", "revoke", "door"], "")
            .contains("no such key: door")
    );
}
