//! `dird import csv|vcard` and `dird export csv|vcard`, as an administrator runs them.

use std::path::PathBuf;

use dird::store::model::Fields;

use crate::command_line::{Desk, proof};

impl Desk {
    /// Writes a file; its path.
    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Imports a file; what that prints.
    fn import(&self, form: &str, phonebook: &str, more: &[&str], file: &str) -> String {
        let command = ["import", form, "--phonebook", phonebook];
        self.prints(&[&command, more, &[file]].concat(), "")
    }

    /// Exports a phonebook; the text. Exports end with a line break, which `prints` takes away.
    fn export(&self, form: &str, phonebook: &str, more: &[&str]) -> String {
        let command = ["export", form, "--phonebook", phonebook];
        self.prints(&[&command, more].concat(), "")
    }

    /// The fields of a phonebook's contacts, as they are stored.
    async fn kept(&self, tenant: &str, phonebook: &str) -> Vec<Fields> {
        let (store, tenant) = (self.store().await, proof(tenant));
        let found = store.phonebook_named(&tenant, phonebook).await.unwrap();
        let list = (&found.unwrap().uuid).into();
        let contents = store.contents(&tenant, &list).await.unwrap();
        let placed = contents.contacts.into_iter();
        placed.map(|placed| placed.contact.fields).collect()
    }
}

fn fields(pairs: &[(&str, &str)]) -> Fields {
    let pairs = pairs.iter();
    pairs
        .map(|&(name, value)| (name.to_owned(), Some(value.to_owned())))
        .collect()
}

#[tokio::test]
async fn a_csv_file_fills_a_phonebook_and_what_is_left_out_is_named() {
    let desk = Desk::new();
    let acme = desk.prints(&["tenant", "add", "acme"], "");
    let rows = "id,firstname,number\n1,Ann,10\n2,Bob,20,x\n\n3,Ann,10\n4,\"Eva\nLee\",30\n";
    let file = desk.file("people.csv", rows);
    let summary = desk.import("csv", "people", &["--tenant", "acme"], &file);
    assert_eq!(
        summary,
        "people: 4 read, 2 added, 1 there already, 1 skipped\n  \
         line 3: Contacts cannot have null keys"
    );
    let kept = [
        fields(&[("firstname", "Ann"), ("number", "10")]),
        fields(&[("firstname", "Eva\nLee"), ("number", "30")]),
    ];
    assert_eq!(desk.kept(&acme, "people").await, kept);
    // By its identifier the tenant is found too, and the phonebook is not made again.
    let again = desk.import("csv", "people", &["--tenant", &acme], &file);
    assert!(
        again.starts_with("people: 4 read, 0 added, 3 there already, 1 skipped"),
        "{again}"
    );
    assert_eq!(desk.kept(&acme, "people").await, kept);
}

#[tokio::test]
async fn what_was_exported_as_csv_is_imported_as_it_was() {
    let desk = Desk::new();
    let acme = desk.prints(&["tenant", "add", "acme"], "");
    let file = desk.file(
        "people.csv",
        "firstname,note\n\u{c9}lo\u{ef}se,\"a,\"\"b\"\"\nc\"\n=1+1,\n",
    );
    desk.import("csv", "first", &["--tenant", "acme"], &file);
    let exported = desk.path("exported.csv");
    let path = exported.to_str().unwrap();
    assert_eq!(desk.export("csv", "first", &[path]), "");
    let text = std::fs::read_to_string(&exported).unwrap();
    assert!(text.starts_with("firstname,id,note\r\n"), "{text}");
    assert_eq!(desk.export("csv", "first", &[]), text.trim_end());
    desk.import("csv", "second", &["--tenant", "acme"], path);
    let first = desk.kept(&acme, "first").await;
    assert_eq!(first.len(), 2);
    assert_eq!(desk.kept(&acme, "second").await, first);
    let safe = desk.export("csv", "first", &["--safe"]);
    assert!(
        safe.contains("\r\n'=1+1,") && !safe.contains("\r\n=1+1,"),
        "{safe}"
    );
}

#[tokio::test]
async fn what_was_exported_as_cards_is_imported_as_it_was() {
    let desk = Desk::new();
    let acme = desk.prints(&["tenant", "add", "acme"], "");
    let rows = format!(
        "firstname,lastname,number,mobile,company,shoe size\n\
         \u{c9}lodie,\u{c7}elik,+33 1,06,\"Papier; Co, Ltd\",{}\nBob,Lee,2,3,4,5\n",
        "x".repeat(200)
    );
    let file = desk.file("people.csv", rows);
    desk.import("csv", "first", &["--tenant", "acme"], &file);
    let sorted = async |phonebook: &str| {
        let mut kept = desk.kept(&acme, phonebook).await;
        kept.iter_mut().for_each(Fields::sort_keys);
        kept
    };
    let first = sorted("first").await;
    for version in ["3.0", "4.0"] {
        let cards = desk.export("vcard", "first", &["--card-version", version]);
        assert!(cards.contains(&format!("VERSION:{version}\r\n")), "{cards}");
        let file = desk.file("people.vcf", cards);
        let phonebook = format!("of {version}");
        let summary = desk.import("vcard", &phonebook, &["--tenant", "acme"], &file);
        let told = format!("{phonebook}: 2 read, 2 added, 0 there already, 0 skipped");
        assert_eq!(summary, told);
        assert_eq!(sorted(&phonebook).await, first, "{version}");
    }
    assert!(
        desk.export("vcard", "first", &[]).contains("VERSION:4.0"),
        "the newer is the default"
    );
}

#[tokio::test]
async fn cards_that_make_no_contact_are_named_and_what_has_no_field_is_counted() {
    let desk = Desk::new();
    let acme = desk.prints(&["tenant", "add", "acme"], "");
    let cards = "BEGIN:VCARD\nVERSION:3.0\nFN:Ann\nBDAY:2000\nPHOTO:x\nEND:VCARD\n\
        BEGIN:VCARD\nVERSION:4.0\nEND:VCARD\n\
        BEGIN:VCARD\nFN:Bob\nBDAY:2001\nEND:VCARD\nBEGIN:VCARD\nFN:Eva\n";
    let file = desk.file("people.vcf", cards);
    let summary = desk.import("vcard", "people", &["--tenant", "acme"], &file);
    assert_eq!(
        summary,
        "people: 4 read, 2 added, 0 there already, 2 skipped\n  \
         line 7: the card holds nothing that a contact could\n  \
         line 14: the card has no end\n  \
         BDAY left out of 2 cards\n  \
         PHOTO left out of 1 cards"
    );
    let kept = [fields(&[("name", "Ann")]), fields(&[("name", "Bob")])];
    assert_eq!(desk.kept(&acme, "people").await, kept);
}

#[tokio::test]
async fn a_phonebook_of_several_tenants_must_be_told_apart() {
    let desk = Desk::new();
    let acme = desk.prints(&["tenant", "add", "acme"], "");
    let shop = desk.prints(&["tenant", "add", "shop"], "");
    let file = desk.file("people.csv", "a\nb\n");
    desk.import("csv", "people", &["--tenant", "acme"], &file);
    // As long as one tenant has it, it need not be named.
    let summary = desk.import("csv", "people", &[], &file);
    assert!(summary.contains("1 there already"), "{summary}");
    desk.import("csv", "people", &["--tenant", "shop"], &file);
    let ambiguous = "several tenants have a phonebook \"people\"; name one with --tenant";
    let other = desk.file("other.csv", "a\nc\n");
    for command in [
        ["import", "csv", "--phonebook", "people", &other],
        ["import", "vcard", "--phonebook", "people", &other],
    ] {
        let said = desk.complains(&command, "");
        assert!(said.contains(ambiguous), "{said}");
    }
    for form in ["csv", "vcard"] {
        let said = desk.complains(&["export", form, "--phonebook", "people"], "");
        assert!(said.contains(ambiguous), "{said}");
    }
    for tenant in [acme, shop] {
        assert_eq!(desk.kept(&tenant, "people").await, [fields(&[("a", "b")])]);
    }
}

#[tokio::test]
async fn without_a_tenant_a_new_phonebook_is_the_master_tenants() {
    let desk = Desk::new();
    desk.prints(&["tenant", "add", "acme"], "");
    let listed = desk.prints(&["tenant", "list"], "");
    let master = listed.lines().find(|line| line.ends_with("\tmaster"));
    let master = master.unwrap().split('\t').next().unwrap().to_owned();
    // `-` is the standard input, and a charset may be named.
    let import = [
        "import",
        "csv",
        "--phonebook",
        "people",
        "--charset",
        "latin1",
        "-",
    ];
    let output = desk.run(&import, "name\nAnn\n");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(
        desk.kept(&master, "people").await,
        [fields(&[("name", "Ann")])]
    );
    let file = desk.file("latin.csv", b"name\n\xc9va\n");
    desk.import("csv", "people", &["--charset", "latin1"], &file);
    let kept = desk.kept(&master, "people").await;
    assert_eq!(kept[1], fields(&[("name", "\u{c9}va")]));
}

#[tokio::test]
async fn what_cannot_be_done_is_said_and_changes_nothing() {
    let desk = Desk::new();
    let acme = desk.prints(&["tenant", "add", "acme"], "");
    let file = desk.file("people.csv", "a\nb\n");
    desk.import("csv", "people", &["--tenant", "acme"], &file);
    let broken = desk.file("broken.csv", b"a\nc\n\xff\n");
    let empty = desk.file("empty.csv", "a\n");
    let missing = desk.path("missing.csv");
    let missing = missing.to_str().unwrap();
    let import = |more: &[&str]| {
        let command = ["import", "csv", "--phonebook", "people"];
        let output = desk.run(&[&command, more].concat(), "");
        assert_eq!(output.status.code(), Some(1), "{more:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    for (more, said) in [
        (
            [&broken, "--charset", "utf-8"],
            "the bytes in line 3 are not valid utf-8",
        ),
        ([&file, "--charset", "nope"], "unknown encoding: nope"),
        ([&file, "--tenant", "none"], "no such tenant: none"),
        ([missing, "--tenant", "acme"], "missing.csv"),
        ([&empty, "--tenant", "acme"], "there is nothing in"),
    ] {
        let complaint = import(&more);
        assert!(complaint.contains(said), "{complaint}");
    }
    let command = ["import", "csv", "--phonebook", "new", "--tenant", "acme"];
    let said = desk.complains(&[&command[..], &[&broken]].concat(), "");
    assert!(said.contains("nothing was imported"), "{said}");
    let said = desk.complains(&["export", "csv", "--phonebook", "new"], "");
    assert!(said.contains("no such phonebook: new"), "{said}");
    let said = desk.complains(&["export", "csv", "--phonebook", "none"], "");
    assert!(said.contains("no such phonebook: none"), "{said}");
    assert_eq!(desk.kept(&acme, "people").await, [fields(&[("a", "b")])]);
}
