//! `check-templates` and `preview`, and makes that are folders alone (templates/README.md).

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use phoned::vendor::{
    files,
    registry::{Choices, Registry},
};
use serde_json::json;
use tempfile::TempDir;

use crate::{
    site::{Site, look},
    stub::USER,
};

/// The compiled-in templates as a folder that can be changed.
pub(crate) fn copy() -> TempDir {
    let folder = TempDir::new().expect("a folder");
    for (file, text) in files::read(None).expect("those compiled in") {
        write(folder.path(), &file, &text);
    }
    folder
}

fn write(folder: &Path, file: &str, text: &str) {
    let path = folder.join(file);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    std::fs::write(path, text).expect("written");
}

fn phoned(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_phoned"))
        .args(["-c", "/no/such/file.yml"])
        .args(arguments)
        .output()
        .expect("it runs")
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn all_documents_of_all_makes_are_sound_in_both_flavours() {
    let choices = Choices {
        default_locale: "en".to_owned(),
        ..Choices::default()
    };
    let flaws = Registry::examine(&choices);
    assert!(flaws.is_empty(), "{flaws:?}");
}

#[test]
fn check_templates_names_every_flaw_with_its_line() {
    let folder = copy();
    let change = |file: &str, from: &str, to: &str| {
        let path: PathBuf = folder.path().join(file);
        let text = std::fs::read_to_string(&path).expect("a template");
        assert!(text.contains(from), "{file}");
        std::fs::write(path, text.replace(from, to)).expect("written");
    };
    change("aastra/results.xml", "</AastraIPPhoneTextMenu>", "</Other>");
    change(
        "cisco/rich-results.xml",
        "<Prompt>{{ first }}",
        "<Prompt>{{ frist }}",
    );
    change("snom/download.xml", "</Name>", "");
    let output = phoned(&["check-templates", &folder.path().display().to_string()]);
    assert_eq!(output.status.code(), Some(2));
    let errors = errors(&output);
    for expected in [
        "aastra/results.xml: line 26: ",
        "cisco/rich-results.xml: line 5: ",
        "snom/download.xml: line ",
    ] {
        assert!(errors.contains(expected), "{errors}");
    }
}

#[test]
fn check_templates_finds_a_page_that_is_too_large() {
    let folder = copy();
    let manifest = folder.path().join("aastra/vendor.toml");
    let text = std::fs::read_to_string(&manifest).expect("a manifest");
    std::fs::write(
        &manifest,
        text.replace("max_bytes = 10000", "max_bytes = 300"),
    )
    .expect("written");
    let output = phoned(&["check-templates", &folder.path().display().to_string()]);
    let errors = errors(&output);
    assert!(
        errors.contains("aastra/results.xml") && errors.contains("too large"),
        "{errors}"
    );
}

#[test]
fn preview_draws_a_phone_or_writes_a_page_of_all() {
    let drawn = phoned(&[
        "preview", "--vendor", "cisco", "--model", "7960", "--term", "SMITH",
    ]);
    let text = String::from_utf8_lossy(&drawn.stdout);
    assert_eq!(drawn.status.code(), Some(0), "{}", errors(&drawn));
    assert!(
        text.contains("Ada Smith") && text.contains("EditDial"),
        "{text}"
    );
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("all.html");
    let written = phoned(&["preview", "--html", &file.display().to_string()]);
    assert_eq!(written.status.code(), Some(0), "{}", errors(&written));
    let page = std::fs::read_to_string(file).expect("a page");
    for make in ["aastra", "gigaset", "grandstream", "yealink"] {
        assert!(page.contains(make), "{make}");
    }
    let unknown = phoned(&["preview", "--vendor", "nokia"]);
    assert_eq!(unknown.status.code(), Some(2));
}

#[tokio::test]
async fn a_new_make_is_a_new_folder() {
    let folder = copy();
    write(
        folder.path(),
        "acme/vendor.toml",
        "content_type = \"text/xml\"\nagents = [\"acme\"]\nsteps = [\"lookup\"]\nerrors = \"row\"\n[page]\nsize = 2\nlinks = true\n",
    );
    write(
        folder.path(),
        "acme/results.xml",
        "<list>\n{% for row in rows %}\n<p n=\"{{ row.number }}\">{{ row.name }}</p>\n{% endfor %}\n<next>{{ links.next }}</next>\n</list>\n",
    );
    let site = Site::with(json!({"templates_dir": folder.path()})).await;
    let page = site.look("acme", "term=person").await;
    assert_eq!(page.status, 200, "{page:?}");
    assert_eq!(page.body.matches("<p n=").count(), 2);
    assert!(
        page.body.contains("limit=2&amp;offset=2</next>"),
        "{}",
        page.body
    );
    let target = look("acme", "term=a").replace(USER, "nobody");
    let error = site.send(&target, "User-Agent: ACME 1\r\n").await;
    assert!(
        error.head.contains("x-phoned-error: unknown-user"),
        "{}",
        error.head
    );
    site.stop().await;
}
