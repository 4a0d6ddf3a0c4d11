//! Which layer wins, and which files count.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::json;

use super::*;

#[test]
fn without_a_main_file_the_defaults_hold_and_a_note_says_so() {
    let setup = Setup::without_main();
    let loaded = setup.good();
    assert_eq!(loaded.config.rest_api.port, 9489);
    assert!(!loaded.config.debug);
    assert_eq!(
        setup.notes(),
        ["main.yml: does not exist; the defaults are used"]
    );
}

#[test]
fn each_layer_beats_those_below_it() {
    let mut setup = Setup::with_extras("rest_api: {port: 1, listen: main}\n");
    assert_eq!(setup.good().config.rest_api.port, 1);
    setup.write("conf.d/10.yml", "rest_api: {port: 2}");
    assert_eq!(setup.good().config.rest_api.port, 2);
    setup.flags = json!({"rest_api": {"port": 3}});
    let site = setup.good().config;
    assert_eq!(
        (site.rest_api.port, site.rest_api.listen.as_str()),
        (3, "main")
    );
}

#[test]
fn the_first_extra_file_wins_and_the_others_fill_the_gaps() {
    let setup = Setup::with_extras("");
    setup.write("conf.d/30-y.yml", "rest_api: {port: 30, listen: thirty}");
    setup.write("conf.d/20-x.yml", "rest_api: {port: 20}");
    let rest_api = setup.good().config.rest_api;
    assert_eq!((rest_api.port, rest_api.listen.as_str()), (20, "thirty"));
}

#[test]
fn only_plain_yml_files_of_the_directory_count() {
    let setup = Setup::with_extras("");
    for name in [".hidden.yml", "a.yaml", "b.yml~", "c.YML"] {
        setup.write(&format!("conf.d/{name}"), "rest_api: {port: 1}");
    }
    fs::create_dir(setup.path("conf.d/d.yml")).expect("a directory");
    setup.write("conf.d/d.yml/deep.yml", "rest_api: {port: 1}");
    assert_eq!(setup.good().config.rest_api.port, 9489);
}

#[test]
fn the_directory_of_the_defaults_counts_when_the_main_file_names_none() {
    let setup = Setup::with_extras("");
    setup.write("conf.d/a.yml", "rest_api: {port: 1}");
    let defaults = DEFAULTS.replace(
        "''\nauth",
        &format!("'{}'\nauth", setup.path("conf.d").display()),
    );
    let loaded: Loaded<Site> = load(&Layering {
        defaults: &defaults,
        main: &setup.path("none.yml"),
        broken_extra: BrokenExtra::Fail,
        missing_key_file: MissingKeyFile::Fail,
        flags: Value::Null,
        allow_exec: false,
        open_keys: &[],
    })
    .expect("a good configuration");
    assert_eq!(loaded.config.rest_api.port, 1);
}

#[test]
fn a_missing_directory_is_noted() {
    let setup = Setup::with_extras("");
    fs::remove_dir(setup.path("conf.d")).expect("a removed directory");
    assert_eq!(
        setup.notes(),
        ["conf.d: does not exist; no extra files are read"]
    );
}

#[test]
fn maps_merge_at_every_depth_and_lists_are_replaced() {
    let setup =
        Setup::new("rest_api: {authorized_subnets: [10.0.0.0/8]}\nservices: {a: {b: {c: 1}}}");
    let mut with_flags = setup;
    with_flags.flags = json!({"services": {"a": {"b": {"d": 2}}}});
    let loaded = with_flags.good();
    assert_eq!(loaded.config.rest_api.authorized_subnets, ["10.0.0.0/8"]);
    assert_eq!(loaded.config.services["a"], json!({"b": {"c": 1, "d": 2}}));
}

#[test]
fn between_a_map_and_a_scalar_the_higher_layer_wins() {
    let mut setup = Setup::new("services: {a: {b: 1}, c: 2}");
    setup.flags = json!({"services": {"a": 5, "c": {"d": 6}}});
    assert_eq!(
        setup.good().tree["services"],
        json!({"a": 5, "c": {"d": 6}})
    );
}

#[test]
fn an_empty_file_is_an_empty_map() {
    for text in ["", "\n", "# nothing\n", "---\n", "{}", "~"] {
        let setup = Setup::with_extras("");
        setup.write("conf.d/a.yml", text);
        assert_eq!(setup.good().config.rest_api.port, 9489, "{text:?}");
    }
}

#[test]
fn a_broken_main_file_is_an_error_at_its_line() {
    for text in ["a: 1\nb: [", "- a\n- b", "just text", "a: 1\na: 2\n"] {
        let mut setup = Setup::new(text);
        setup.broken_extra = BrokenExtra::Skip;
        let error = setup.error();
        assert!(error.starts_with("main.yml:"), "{text:?}: {error}");
    }
}

#[test]
fn a_broken_extra_file_is_skipped_or_fails() {
    for text in ["a: [", "- a", "a: 1\na: 2"] {
        let mut setup = Setup::with_extras("");
        setup.write("conf.d/10.yml", text);
        setup.write("conf.d/20.yml", "debug: on");
        assert!(setup.error().starts_with("conf.d/10.yml:"), "{text:?}");
        setup.broken_extra = BrokenExtra::Skip;
        assert!(setup.good().config.debug, "{text:?}");
        let notes = setup.notes();
        let [note] = notes.as_slice() else {
            panic!("{notes:?}")
        };
        assert!(
            note.starts_with("conf.d/10.yml:") && note.ends_with("; the file is skipped"),
            "{note}"
        );
    }
}

#[test]
fn a_link_that_leads_nowhere_is_a_broken_file() {
    let setup = Setup::with_extras("");
    symlink(setup.path("gone"), setup.path("conf.d/a.yml")).expect("a link");
    assert_eq!(
        setup.error(),
        "conf.d/a.yml: leads to no file; remove the link"
    );
}
