//! What an administrator is told: places, expectations, unknown keys, and never a secret.

use serde_json::json;

use super::*;

#[test]
fn yaml_is_read_as_existing_files_have_it() {
    let loaded = Setup::new(
        "debug: yes\nrest_api: {port: 0755, mode: screen}\nservices: {a: off, b: 'on', c: 1.5, 12: x}",
    )
    .good();
    assert!(loaded.config.debug);
    assert_eq!(loaded.config.rest_api.mode, Mode::Screen);
    assert_eq!(loaded.config.rest_api.port, 0o755);
    assert_eq!(
        loaded.tree["services"],
        json!({"a": false, "b": "on", "c": 1.5, "12": "x"})
    );
}

#[test]
fn every_key_knows_its_line() {
    let text = "# comment\nrest_api:\n\n  listen: >\n    a\n    b\n  authorized_subnets:\n    - 10.0.0.0/8\n    # more\n    - x\nservices:\n  {a: 1,\n   b: [2,\n 3]}\nauth: &a\n  username: u\n";
    let setup = Setup::new(text);
    let loaded = setup.good();
    for (key, line) in [
        ("rest_api", 2),
        ("rest_api.listen", 4),
        ("rest_api.authorized_subnets", 7),
        ("rest_api.authorized_subnets.0", 8),
        ("rest_api.authorized_subnets.1", 10),
        ("services.a", 12),
        ("services.b", 13),
        ("services.b.1", 14),
        ("auth.username", 16),
    ] {
        let fault = loaded.fault(key, "is wrong");
        let told = setup.shorten(&fault.to_string());
        assert_eq!(told, format!("main.yml:{line}: {key}: is wrong"));
        assert_eq!(
            fault.origin().file(),
            Some(setup.path("main.yml").as_path())
        );
    }
}

#[test]
fn anchors_and_merge_keys_are_expanded() {
    let loaded =
        Setup::new("services:\n  x: &x {a: 1, b: 2}\n  y: {<<: *x, b: 3}\n  z: *x\n").good();
    let services = json!({"x": {"a": 1, "b": 2}, "y": {"a": 1, "b": 3}, "z": {"a": 1, "b": 2}});
    assert_eq!(loaded.tree["services"], services);
}

#[test]
fn faults_name_flags_defaults_and_the_nearest_key_above() {
    let mut setup = Setup::new("rest_api:\n  port: 1\n");
    setup.flags = json!({"debug": true});
    let loaded = setup.good();
    let told = |key| setup.shorten(&loaded.fault(key, "x").to_string());
    assert_eq!(told("debug"), "command line: debug: x");
    assert_eq!(
        told("rest_api.listen"),
        "built-in default: rest_api.listen: x"
    );
    assert_eq!(
        told("rest_api.port.deep"),
        "main.yml:2: rest_api.port.deep: x"
    );
}

#[test]
fn a_value_of_the_wrong_type_is_told_with_what_would_be_right() {
    for (text, told) in [
        (
            "\nrest_api:\n  port: http",
            "main.yml:3: rest_api.port: \"http\" does not fit; should be a whole number from 0 to 65535",
        ),
        (
            "rest_api: {port: 70000}",
            "main.yml:1: rest_api.port: 70000 does not fit; should be a whole number from 0 to 65535",
        ),
        (
            "debug: maybe",
            "main.yml:1: debug: \"maybe\" does not fit; should be true or false",
        ),
        (
            "rest_api: {listen: 5}",
            "main.yml:1: rest_api.listen: 5 does not fit; should be text, put it in quotes",
        ),
        (
            "rest_api:",
            "main.yml:1: rest_api: no value does not fit; should be a map of keys",
        ),
        (
            "rest_api:\n  authorized_subnets: 10.0.0.0/8",
            "main.yml:2: rest_api.authorized_subnets: \"10.0.0.0/8\" does not fit; should be a list",
        ),
        (
            "rest_api:\n  authorized_subnets:\n  - a\n  - [b]",
            "main.yml:4: rest_api.authorized_subnets.1: a list does not fit; should be text",
        ),
        (
            "rest_api: {mode: loud}",
            "main.yml:1: rest_api.mode: \"loud\" does not fit; should be auto or screen",
        ),
        (
            "auth: {password: 8277}",
            "main.yml:1: auth.password: <hidden> does not fit; should be text, put it in quotes",
        ),
    ] {
        assert_eq!(Setup::new(text).error(), told);
    }
}

#[test]
fn a_wrong_flag_and_a_missing_key_are_told() {
    let mut setup = Setup::new("");
    setup.flags = json!({"debug": 3});
    assert_eq!(
        setup.error(),
        "command line: debug: 3 does not fit; should be true or false"
    );
    let defaults = DEFAULTS.replace("debug: false\n", "");
    let error = load::<Site>(&Layering {
        defaults: &defaults,
        main: &setup.path("main.yml"),
        broken_extra: BrokenExtra::Fail,
        missing_key_file: MissingKeyFile::Fail,
        flags: Value::Null,
        allow_exec: false,
        open_keys: &[],
    });
    assert_eq!(
        setup.shorten(&error.expect_err("no debug").to_string()),
        "main.yml: debug: is missing; set it"
    );
}

#[test]
fn a_long_uri_is_cut_only_after_its_password_is_hidden() {
    let password = "p".repeat(100);
    let error = Setup::new(&format!("debug: postgresql://u:{password}@h/db")).error();
    assert!(
        error.contains("u:<hidden>@h/db") && !error.contains("ppp"),
        "{error}"
    );
}

#[test]
fn syntax_errors_are_told_without_quoting_the_file() {
    for (text, told) in [
        (
            "auth:\n  password: hunter2\n  x: [",
            "main.yml:3: is not valid YAML: ",
        ),
        (
            "password: hunter2\npassword: hunter2",
            "main.yml:2: is not valid YAML: duplicate mapping key `password` is not allowed here",
        ),
        ("a: \"hunter2\nb: '", "main.yml:1: is not valid YAML: "),
        ("a: !!int hunter2", "main.yml:1: is not valid YAML: "),
        ("a: !!bool hunter2", "main.yml:1: is not valid YAML: "),
        (
            "password: 7e8277",
            "main.yml:1: is not valid YAML: a number is not finite",
        ),
        (
            "- hunter2",
            "main.yml:1: the top of the file is not a map; should be `key: value` lines",
        ),
        ("a: 1\n---\npassword: hunter2", "main.yml:"),
    ] {
        let error = Setup::new(text).error();

        assert!(error.starts_with(told), "{text:?}: {error}");
        assert!(
            !error.contains("hunter2") && !error.contains("8277"),
            "{error}"
        );
    }
}

#[test]
fn unknown_keys_are_noted_and_kept() {
    let setup = Setup::new("rest_api:\n  prot: 1\nsomething: {deep: 1}\nservices: {any: 1}");
    let loaded = setup.good();
    assert_eq!(loaded.tree["rest_api"]["prot"], 1);
    assert_eq!(loaded.tree["something"]["deep"], 1);
    assert_eq!(
        setup.notes(),
        [
            "main.yml:2: unknown key rest_api.prot, did you mean rest_api.port? it is kept",
            "main.yml:3: unknown key something; it is kept",
        ]
    );
}

#[test]
fn open_keys_accept_anything_below_them() {
    let mut setup = Setup::new("vendors: {acme: {page_size: 3}, snom: {raw: on}}");
    assert_eq!(setup.notes().len(), 2);
    setup.open_keys = &["vendors"];
    assert!(setup.notes().is_empty());
}

#[test]
fn shown_configurations_hold_no_secret() {
    let mut setup = Setup::new(
        "auth: {password: hunter2}\ndb_uri: postgresql://u:hunter2@h/db\ndebgu: 1\nservices: {a.b: {c: [1]}}",
    );
    setup.flags = json!({"debug": true});
    let loaded = setup.good();
    assert_eq!(loaded.redacted()["auth"]["password"], "<hidden>");
    let check = setup.shorten(&loaded.render_check());
    assert!(
        !check.contains("hunter2") && !format!("{loaded:?}").contains("hunter2"),
        "{check}"
    );
    for line in [
        "# note: main.yml:3: unknown key debgu, did you mean debug? it is kept",
        "debug: true  # command line",
        "db_uri: \"postgresql://u:<hidden>@h/db\"  # main.yml:2",
        "  password: \"<hidden>\"  # main.yml:1",
        "  port: 9489  # built-in default",
        "    c: [1]  # main.yml:4",
    ] {
        assert!(check.lines().any(|found| found == line), "{line}\n{check}");
    }
    let read_back: Value = serde_saphyr::from_str(&check).expect("valid YAML");
    assert_eq!(read_back, loaded.redacted());
}
