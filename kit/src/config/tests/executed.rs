//! The tag `!exec`, and the key file.

use std::os::unix::fs::PermissionsExt;

use nix::unistd::geteuid;

use super::*;

const EXEC: &str = "services: {a: 1}\nrest_api: !exec {command: 'echo {port: 7, listen: run}'}\n";

#[test]
fn exec_is_refused_without_the_flag() {
    let error = Setup::new(EXEC).error();
    assert_eq!(
        error,
        "main.yml:2: rest_api: !exec is refused; start with --allow-exec, or write the value itself"
    );
}

#[test]
fn exec_gives_its_output_when_root_owns_the_file() {
    let mut setup = Setup::new(EXEC);
    setup.allow_exec = true;
    if geteuid().is_root() {
        let loaded = setup.good();
        assert_eq!(loaded.config.rest_api.port, 7);
        let fault = loaded.fault("rest_api.listen", "is no address");
        let fault = setup.shorten(&fault.to_string());
        assert_eq!(fault, "main.yml:2: rest_api.listen: is no address");
    } else {
        assert!(setup.error().contains("root does not own"));
    }
}

#[test]
fn exec_is_refused_in_a_file_that_others_may_write() {
    let mut setup = Setup::new(EXEC);
    setup.allow_exec = true;
    let mode = fs::Permissions::from_mode(0o666);
    fs::set_permissions(setup.path("main.yml"), mode).expect("changed permissions");
    let error = setup.error();
    assert!(error.contains("rest_api: !exec is refused as"), "{error}");
}

#[test]
fn exec_at_the_top_of_a_file_is_the_whole_layer() {
    let mut setup = Setup::with_extras("");
    setup.allow_exec = true;
    setup.write("conf.d/50-net.yml", "!exec\ncommand: 'echo {debug: on}'\n");
    if geteuid().is_root() {
        assert!(setup.good().config.debug);
    } else {
        assert!(setup.error().contains("root does not own"));
    }
}

#[test]
fn exec_without_a_command_and_unknown_tags_are_errors() {
    for (text, told) in [
        (
            "debug: !exec yes",
            "main.yml:1: debug: !exec has no command",
        ),
        (
            "debug: !exec {program: x}",
            "main.yml:1: debug: !exec has no command",
        ),
        (
            "debug: !include x.yml",
            "main.yml:1: debug: unknown tag !include",
        ),
    ] {
        let error = Setup::new(text).error();
        assert!(error.starts_with(told), "{error}");
    }
}

fn with_key_file(content: Option<&str>) -> Setup {
    let setup = Setup::without_main();
    let path = setup.path("key.yml");
    let path = path.display();
    let main = format!("auth:\n  username: own\n  password: own-key\n  key_file: {path}\n");
    setup.write("main.yml", &main);
    if let Some(content) = content {
        setup.write("key.yml", content);
    }
    setup
}

#[test]
fn the_key_file_beats_every_other_layer() {
    let mut setup = with_key_file(Some("service_id: dird\nservice_key: 0012e45\n"));
    setup.flags = serde_json::json!({"auth": {"username": "flag"}});
    let auth = setup.good().config.auth;
    assert_eq!(auth.username.as_deref(), Some("dird"));
    assert_eq!(
        auth.password.as_deref(),
        Some("0012e45"),
        "a key is text, whatever it looks like"
    );
    assert!(setup.notes().is_empty());
}

#[test]
fn an_unusable_key_file_is_noted_or_fails() {
    for content in [
        None,
        Some(""),
        Some("service_id: dird"),
        Some("- hunter2"),
        Some("a: [hunter2"),
    ] {
        let mut setup = with_key_file(content);
        let error = setup.error();
        assert!(
            error.starts_with("main.yml:4: auth.key_file: key.yml "),
            "{error}"
        );
        assert!(!error.contains("hunter2"), "{error}");
        setup.missing_key_file = MissingKeyFile::Note;
        let auth = setup.good().config.auth;
        assert_eq!(auth.password.as_deref(), Some("own-key"), "{content:?}");
        assert_eq!(setup.notes(), [error]);
    }
}
