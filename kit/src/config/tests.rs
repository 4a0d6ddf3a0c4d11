//! The rules of the hierarchy, one by one.

use std::fs;

use serde::Deserialize;
use serde_json::json;
use tempfile::TempDir;

use super::*;

#[derive(Debug, Deserialize)]
struct Config {
    debug: bool,
    listeners: Listeners,
    auth: Auth,
}

#[derive(Debug, Deserialize)]
struct Listeners {
    port: u16,
    names: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Auth {
    username: Option<String>,
    password: Option<String>,
}

struct Files(TempDir);

impl Files {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("extra")).unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        Self(folder)
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    fn defaults(&self) -> String {
        format!(
            "debug: false\nextra_config_files: {}\nlisteners:\n  port: 1\n  names: [a, b]\nauth:\n  key_file: ''\n  username: null\n  password: null\nfree: {{}}\n",
            self.path("extra")
        )
    }

    fn load(&self, change: impl Fn(&mut Layering<'_>)) -> Result<Loaded<Config>, ConfigError> {
        let defaults = self.defaults();
        let main = self.0.path().join("main.yml");
        let mut layering = Layering {
            defaults: &defaults,
            main: &main,
            broken_extra: BrokenExtra::Skip,
            missing_key_file: MissingKeyFile::Note,
            flags: Value::Null,
            allow_exec: false,
            open_keys: &[],
        };
        change(&mut layering);
        load(&layering)
    }
}

#[test]
fn without_any_file_defaults_are_used_and_it_is_noted() {
    let loaded = Files::new(&[]).load(|_| ()).unwrap();
    assert_eq!(loaded.config.listeners.port, 1);
    assert!(loaded.notes[0].contains("main.yml"), "{:?}", loaded.notes);
}

#[test]
fn maps_merge_lists_are_replaced_and_the_first_extra_file_wins() {
    let files = Files::new(&[
        ("main.yml", "listeners: {port: 2, names: [c]}\ndebug: yes\n"),
        ("extra/20-x.yml", "listeners: {port: 4}\n"),
        ("extra/30-y.yml", "listeners: {port: 9}\ndebug: off\n"),
        ("extra/.hidden.yml", "listeners: {port: 10}\n"),
        ("extra/10-z.yaml", "listeners: {port: 11}\n"),
    ]);
    let loaded = files.load(|_| ()).unwrap();
    assert_eq!(loaded.config.listeners.port, 4);
    assert_eq!(loaded.config.listeners.names, ["c"]);
    assert!(!loaded.config.debug, "30-y.yml is over the main file");
}

#[test]
fn the_command_line_is_over_files_and_the_key_file_over_all() {
    let files = Files::new(&[
        (
            "main.yml",
            "listeners: {port: 2}\nauth: {username: other}\n",
        ),
        ("key.yml", "service_id: me\nservice_key: hunter2\n"),
    ]);
    let key = files.path("key.yml");
    let loaded = files
        .load(|layering| {
            layering.flags = json!({"listeners": {"port": 7}, "auth": {"key_file": key}});
        })
        .unwrap();
    assert_eq!(loaded.config.listeners.port, 7);
    assert_eq!(loaded.config.auth.username.as_deref(), Some("me"));
    assert_eq!(loaded.config.auth.password.as_deref(), Some("hunter2"));
    assert!(!loaded.render_check().contains("hunter2"));
    assert_eq!(loaded.redacted()["auth"]["password"], "<hidden>");
}

#[test]
fn a_missing_key_file_is_noted_or_fatal() {
    let files = Files::new(&[(
        "main.yml",
        "auth: {key_file: /nonexistent/key.yml, username: u}\n",
    )]);
    let loaded = files.load(|_| ()).unwrap();
    assert_eq!(loaded.config.auth.username.as_deref(), Some("u"));
    assert!(
        loaded
            .notes
            .iter()
            .any(|note| note.contains("/nonexistent/key.yml"))
    );
    let error = files
        .load(|layering| layering.missing_key_file = MissingKeyFile::Fail)
        .unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("No such file or directory: '/nonexistent/key.yml'"),
        "{text}"
    );
    assert!(text.contains("main.yml:1"), "{text}");
}

#[test]
fn a_broken_extra_file_is_skipped_or_fatal_and_a_broken_main_file_is_fatal() {
    let files = Files::new(&[("main.yml", "debug: true\n"), ("extra/1.yml", "debug: [\n")]);
    let loaded = files.load(|_| ()).unwrap();
    assert!(loaded.config.debug);
    assert!(
        loaded
            .notes
            .iter()
            .any(|note| note.contains("1.yml") && note.contains("skipped"))
    );
    let error = files
        .load(|layering| layering.broken_extra = BrokenExtra::Fail)
        .unwrap_err();
    assert!(error.to_string().contains("1.yml"), "{error}");
    for broken in [
        "debug: [\n",
        "debug: 1\ndebug: 2\n",
        "- a list\n",
        "just text\n",
    ] {
        let error = Files::new(&[("main.yml", broken)])
            .load(|_| ())
            .unwrap_err();
        assert!(
            error.to_string().contains("main.yml"),
            "{broken:?}: {error}"
        );
    }
}

#[test]
fn an_empty_file_changes_nothing() {
    let loaded = Files::new(&[("main.yml", "# nothing\n")])
        .load(|_| ())
        .unwrap();
    assert_eq!(loaded.config.listeners.port, 1);
}

#[test]
fn a_wrong_type_is_told_with_file_line_and_key() {
    let files = Files::new(&[(
        "main.yml",
        "debug: false\nlisteners:\n  names: [x]\n  port: http\n",
    )]);
    let text = files.load(|_| ()).unwrap_err().to_string();
    assert!(text.contains("main.yml:4: listeners.port:"), "{text}");
    assert!(text.contains("a whole number from 0 to 65535"), "{text}");
    let files = Files::new(&[("main.yml", "listeners: {names: [x, {}]}\n")]);
    let text = files.load(|_| ()).unwrap_err().to_string();
    assert!(text.contains("main.yml:1: listeners.names.1:"), "{text}");
    let flagged = Files::new(&[]).load(|layering| layering.flags = json!({"debug": "x"}));
    assert!(
        flagged
            .unwrap_err()
            .to_string()
            .starts_with("command line: debug:")
    );
    let secret = Files::new(&[("main.yml", "auth: {password: {p: hunter2}}\n")]);
    let text = secret.load(|_| ()).unwrap_err().to_string();
    assert!(
        text.contains("auth.password") && !text.contains("hunter2"),
        "{text}"
    );
}

#[test]
fn an_unknown_key_is_noted_with_the_nearest_known_one_and_kept() {
    let files = Files::new(&[("main.yml", "listeners:\n  prot: 5\nfree: {anything: 1}\n")]);
    let loaded = files.load(|_| ()).unwrap();
    let note = loaded
        .notes
        .iter()
        .find(|note| note.contains("unknown key"))
        .unwrap();
    assert!(
        note.contains("main.yml:2: unknown key listeners.prot, did you mean listeners.port?"),
        "{note}"
    );
    assert_eq!(
        loaded
            .notes
            .iter()
            .filter(|note| note.contains("unknown key"))
            .count(),
        1
    );
    assert_eq!(loaded.tree["listeners"]["prot"], 5);
}

#[test]
fn programs_run_only_when_allowed() {
    let files = Files::new(&[(
        "main.yml",
        "listeners: !exec\n  command: \"echo {port: 77, names: []}\"\n",
    )]);
    let text = files.load(|_| ()).unwrap_err().to_string();
    assert!(
        text.contains("--allow-exec") && text.contains("main.yml:"),
        "{text}"
    );
    let allowed = files.load(|layering| layering.allow_exec = true);
    if nix::unistd::geteuid().is_root() {
        assert_eq!(allowed.unwrap().config.listeners.port, 77);
    } else {
        assert!(allowed.unwrap_err().to_string().contains("belong to root"));
    }
}

#[test]
fn a_later_fault_names_the_place_too() {
    let files = Files::new(&[("main.yml", "listeners:\n  names:\n    - good\n    - bad\n")]);
    let loaded = files.load(|_| ()).unwrap();
    let text = loaded
        .fault("listeners.names.1", "\"bad\" is no name")
        .to_string();
    assert!(
        text.ends_with("main.yml:4: listeners.names.1: \"bad\" is no name"),
        "{text}"
    );
}

#[test]
fn passwords_within_addresses_are_hidden() {
    let tree = json!({"uri": "postgresql://me:hunter2@db/x?y=1", "plain": "http://host/a@b:c"});
    let shown = show::redacted(&tree);
    assert_eq!(shown["uri"], "postgresql://me:<hidden>@db/x?y=1");
    assert_eq!(shown["plain"], "http://host/a@b:c");
}
