//! `dird intercom`, as an administrator runs it.

use dird::identity::{SystemAuthority, Tenant, TenantId};
use dird::store::Mapping;
use dird::store::model::{Contact, ContactId, PhonebookId, random_id};
use serde_json::Value;

use crate::command_line::Desk;

/// A desk with a phonebook of one contact.
async fn desk() -> (Desk, Tenant, PhonebookId) {
    let desk = Desk::new();
    let tenant = desk.prints(&["tenant", "add", "Northwind"], "");
    let tenant = SystemAuthority::new("test").tenant(TenantId::new(&tenant).unwrap());
    let store = desk.store().await;
    let book = store
        .create_phonebook(&tenant, "doors", None)
        .await
        .unwrap();
    let contact = Contact {
        uuid: ContactId(random_id()),
        fields: [("firstname".to_owned(), Some("Ann".to_owned()))]
            .into_iter()
            .collect(),
    };
    let list = (&book.uuid).into();
    store
        .create_contact(&tenant, &list, &contact)
        .await
        .unwrap();
    (desk, tenant, book.uuid)
}

fn words(line: &str) -> Vec<&str> {
    line.split('\t').collect()
}

#[tokio::test]
async fn a_phonebook_is_published_listed_and_forgotten() {
    let (desk, tenant, book) = desk().await;
    let intercom = |arguments: &[&str]| desk.prints(&[&["intercom"], arguments].concat(), "");
    let named = ["--phonebook", &book.0];
    assert_eq!(intercom(&["list"]), "");
    intercom(&[&["publish"], &named[..], &["--default"]].concat());
    let listed = intercom(&["list"]);
    assert_eq!(
        words(&listed),
        [&book.0, tenant.id().as_str(), "default", "doors"]
    );
    let status = intercom(&["status"]);
    let series = words(&status)[1].to_owned();
    let expected = [&book.0, &series, "0", "1", "1", "0"];
    assert_eq!(words(&status), expected);
    let number: u64 = series.parse().unwrap();
    assert!(number > 0 && number < 1 << 63);
    intercom(&[&["publish"], &named[..]].concat());
    assert_eq!(
        words(&intercom(&["status"])),
        expected,
        "it is published already"
    );
    let rotated = intercom(&[&["rotate-series"], &named[..]].concat());
    assert_ne!(words(&rotated)[1], series);
    let status = intercom(&["status"]);
    assert_eq!(
        words(&status),
        [&book.0, words(&rotated)[1], "1", "1", "1", "0"]
    );
    let all = intercom(&["rotate-series", "--all"]);
    assert_ne!(all, rotated);
    intercom(&[&["unpublish"], &named[..]].concat());
    assert_eq!(intercom(&["list"]), "");
}

#[tokio::test]
async fn other_fields_of_contacts_may_be_an_entrys() {
    let (desk, _, book) = desk().await;
    let publish = ["intercom", "publish", "--phonebook", &book.0];
    desk.prints(&publish, "");
    let fields = [
        "--field",
        "name=firstname",
        "--field",
        "callPos[1].peer=gsm",
    ];
    desk.prints(&[&publish[..], &fields[..]].concat(), "");
    desk.prints(&[&publish[..], &["--default"]].concat(), "");
    let store = desk.store().await;
    let found = store
        .directory_of(SystemAuthority::new("test"), &book)
        .await;
    let directory = found.unwrap().unwrap();
    assert!(directory.default, "published again, with the same fields");
    let expected = Mapping {
        name: "firstname".into(),
        peers: ["number", "gsm", "number_other"].map(str::to_owned),
        ..Mapping::default()
    };
    assert_eq!((directory.mapping, directory.timestamp), (expected, 2));
    for (field, told) in [
        ("name", "name is not ENTRY=CONTACT"),
        ("name=", "name= is not ENTRY=CONTACT"),
        ("zip=zip", "zip is not a field that contacts have"),
        (
            "name=email",
            "two fields of an entry cannot be the same field of a contact: email",
        ),
    ] {
        let complaint = desk.complains(&[&publish[..], &["--field", field]].concat(), "");
        assert!(complaint.contains(told), "{complaint}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_told() {
    let (desk, _, book) = desk().await;
    for (arguments, told) in [
        (
            ["publish", "--phonebook", "nothing"],
            "no such phonebook: nothing",
        ),
        (
            ["unpublish", "--phonebook", &book.0],
            "no published phonebook: ",
        ),
        (
            ["rotate-series", "--phonebook", &book.0],
            "no published phonebook: ",
        ),
    ] {
        let complaint = desk.complains(&[&["intercom"], &arguments[..]].concat(), "");
        assert!(complaint.contains(told), "{complaint}");
    }
}

#[test]
fn an_account_is_printed_without_its_password() {
    let desk = Desk::new();
    let account = [
        "intercom",
        "account",
        "door",
        "--phonebook",
        "x",
        "--privilege",
        "control",
        "--password-stdin",
    ];
    let printed = desk.prints(&account, "hunter2\n");
    assert!(!printed.contains("hunter2"));
    let read: Value = serde_json::from_str(printed.strip_prefix("- ").unwrap()).unwrap();
    assert_eq!(read["username"], "door");
    assert_eq!(
        (read["directory"].as_str(), read["privilege"].as_str()),
        (Some("x"), Some("control"))
    );
    // The MD5 and SHA-256 of "door:dird intercom:hunter2".
    assert_eq!(read["secret"]["md5"], "51635448fa263a66b8d05e9530498e56");
    assert_eq!(
        read["secret"]["sha256"],
        "c52b6a5be22e0ed0862c7ac1026c82f8e0349bc8c0d172e7c4a17b08428ddb08"
    );
    assert!(
        read["secret"]["argon2"]
            .as_str()
            .unwrap()
            .starts_with("$argon2id$")
    );
    let mut wrong = account;
    wrong[2] = "do:or";
    assert!(
        desk.complains(&wrong, "x\n")
            .contains("a name without colon")
    );
}

/// What `--check-config` says of `intercom` settings.
fn checked(settings: &Value) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dird.yml");
    std::fs::write(
        &file,
        serde_json::json!({ "intercom": settings }).to_string(),
    )
    .unwrap();
    match dird::config::load(&file, Value::Null, false) {
        Ok(loaded) => loaded.render_check(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn settings_that_cannot_work_are_refused_with_their_key() {
    use serde_json::json;

    let account = json!({"username": "a", "directory": "x", "privilege": "control", "secret": {"argon2": "$argon2id$x"}});
    for (settings, told) in [
        (json!({"auth": "none"}), "intercom.open_directory"),
        (json!({"listen": "127.0.0.1"}), "intercom.listen"),
        (
            json!({"digest_algorithms": []}),
            "intercom.digest_algorithms",
        ),
        (
            json!({"allowed_subnets": ["10.0.0.0/8", "x"]}),
            "intercom.allowed_subnets.1",
        ),
        (
            json!({"trusted_proxies": ["x"]}),
            "intercom.trusted_proxies.0",
        ),
        (json!({"limits": {"writes": 0}}), "intercom.limits.writes"),
        (json!({"accounts": [account]}), "intercom.accounts.0.secret"),
        (
            json!({"auth": "basic", "accounts": [account, account]}),
            "intercom.accounts.1.username",
        ),
    ] {
        let error = checked(&settings);
        assert!(error.contains(told), "{settings}: {error}");
    }
    let fine = checked(&json!({"auth": "basic", "accounts": [account]}));
    assert!(fine.contains(r#""username":"a""#), "{fine}");
    assert!(!fine.contains("argon2id"), "{fine}");
}
