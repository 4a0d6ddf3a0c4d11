//! `check-config` and `check-access`, and a running phoned that is told of a new configuration (phoned.md §16.3).

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use tempfile::TempDir;

use crate::process::{Daemon, KEY};

fn phoned(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_phoned"))
        .args(arguments)
        .arg("-c")
        .arg(folder.join("main.yml"))
        .output()
        .expect("it runs")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// A main file, a folder with another and a list of subnets.
fn folder(subnets: &str) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    fs::create_dir(path("conf.d")).expect("made");
    let (extra, list) = (path("conf.d"), path("voice.txt"));
    let main = format!(
        "extra_config_files: {}\nrest_api:\n  authorized_subnets_file: {}\n  trusted_proxies: [10.0.0.1]\n",
        extra.display(),
        list.display()
    );
    fs::write(path("main.yml"), main).expect("written");
    fs::write(path("conf.d/50-subnets.yml"), subnets).expect("written");
    fs::write(list, "# voice\n10.20.0.0/16\n").expect("written");
    folder
}

#[test]
fn check_config_names_the_file_of_each_entry_and_what_is_odd() {
    let folder = folder(
        "rest_api:\n  authorized_subnets:\n    - 10.20.5.0/24\n    - {subnet: 10.20.6.0/24, action: deny}\n",
    );
    let output = phoned(folder.path(), &["check-config"]);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    for wanted in [
        "allow 10.20.5.0/24 -  # ",
        "50-subnets.yml:3",
        "deny 10.20.6.0/24 -  # ",
        "voice.txt:2",
        "note: 10.20.5.0/24 (rest_api.authorized_subnets.0) changes nothing, it lies in 10.20.0.0/16",
        "note: 10.20.6.0/24 (rest_api.authorized_subnets.1) overrides 10.20.0.0/16",
    ] {
        assert!(text.contains(wanted), "{wanted} in {text}");
    }
}

#[test]
fn check_config_ends_with_2_and_names_a_fault() {
    let folder = folder("rest_api:\n  authorized_subnets: [10.0.0.0/99]\n");
    let output = phoned(folder.path(), &["check-config"]);
    assert_eq!(output.status.code(), Some(2));
    let text = said(&output);
    assert!(
        text.contains("50-subnets.yml:2") && text.contains("10.0.0.0/99"),
        "{text}"
    );
}

#[test]
fn check_access_tells_whether_a_phone_may_ask() {
    let folder = folder(
        "rest_api:\n  authorized_subnets:\n    - {subnet: 10.30.0.0/16, label: hall, vendors: [snom], rate_limit: {per_phone: 30/m, burst: 4}, documents: rich}\n    - {subnet: 10.30.9.0/24, action: deny}\n",
    );
    for (arguments, status, wanted) in [
        (
            &["10.20.0.7"][..],
            0,
            "allowed: 10.20.0.7 is in 10.20.0.0/16",
        ),
        (&["10.30.0.7", "--vendor", "snom"], 0, "\n  label: hall\n"),
        (
            &["10.30.0.7"],
            0,
            "\n  vendors: snom\n  rate_limit: per phone 0.5/s, burst 4; subnet 0/s\n  documents: rich\n",
        ),
        (&["10.30.0.7", "--vendor", "cisco"], 1, "(vendor)"),
        (&["10.30.9.7"], 1, "refused: 10.30.9.7 is in 10.30.9.0/24"),
        (&["192.0.2.1"], 1, "(not_listed)"),
        (
            &["10.0.0.1", "--forwarded", "192.0.2.1, 10.20.0.7"],
            0,
            "10.20.0.7",
        ),
        (
            &["10.0.0.1", "--forwarded", "192.0.2.1"],
            1,
            "refused: 192.0.2.1 (not_listed)",
        ),
        (&["10.0.0.1", "--forwarded", "office"], 1, "(bad_forwarded)"),
        (
            &["192.0.2.1", "--forwarded", "10.20.0.7"],
            1,
            "(not_listed)",
        ),
    ] {
        let output = phoned(folder.path(), &[&["check-access"], arguments].concat());
        let text = said(&output);
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {text}");
        assert!(text.contains(wanted), "{arguments:?}: {text}");
    }
    let mistyped = ["check-access", "10.30.0.7", "--vendor", "cicso"];
    let output = phoned(folder.path(), &mistyped);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("there is no make cicso"));
}

#[test]
fn keys_that_nothing_reads_are_named_with_their_place() {
    let folder = folder(
        "auth: {prot: 9497}\nenabled_plugins: {snomm: false}\nconfd: {tiemout: 5}\n\
         vendors:\n  cisco: {page_sise: 5}\n  cicso: {page_size: 5}\n",
    );
    let all = [
        "50-subnets.yml:1: unknown key auth.prot, did you mean auth.port?",
        "50-subnets.yml:2: unknown key enabled_plugins.snomm, did you mean enabled_plugins.snom?",
        "50-subnets.yml:3: unknown key confd.tiemout, did you mean confd.timeout?",
        "vendors.cisco.page_sise: unknown key",
        "vendors.cicso: unknown key",
    ];
    for command in ["check-config", "--check-config"] {
        let output = phoned(folder.path(), &[command]);
        let text = said(&output);
        assert_eq!(output.status.code(), Some(0), "{text}");
        for wanted in all {
            assert!(text.contains(wanted), "{wanted} in {text}");
        }
    }
}

/// A phoned on free ports.
async fn start(folder: &Path, watch: bool) -> Daemon {
    let path = |name: &str| folder.join(name).display().to_string();
    fs::write(path("key.yml"), KEY).expect("written");
    let further = format!(
        "watch: {watch}\nlog_filename: {}\nuser: ''\nbus: {{enabled: false}}\nmetrics: {{port: null}}\n\
         auth: {{host: 127.0.0.1, port: 9, timeout: 1, key_file: {}}}\n\
         rest_api: {{http: {{listen: 127.0.0.1, port: 0}}, https: {{enabled: false}}}}\n",
        path("phoned.log"),
        path("key.yml"),
    );
    fs::write(path("conf.d/60-rest.yml"), further).expect("written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_phoned"));
    command.arg("-c").arg(path("main.yml"));
    let daemon = Daemon::spawn(&mut command, folder.join("phoned.log"));
    daemon.logs("listening").await;
    daemon
}

#[tokio::test]
async fn a_hangup_reloads_what_is_sound_and_refuses_what_is_not() {
    let folder = folder("{}\n");
    let daemon = start(folder.path(), false).await;
    let subnets = folder.path().join("conf.d/50-subnets.yml");
    fs::write(&subnets, "rest_api: {authorized_subnets: [10.0.0.0/99]}\n").expect("written");
    daemon.signal("HUP");
    let refused = "configuration not reloaded: rest_api.authorized_subnets.0";
    daemon.logs(refused).await;
    fs::write(&subnets, "rest_api: {authorized_subnets: [10.30.0.0/16]}\n").expect("written");
    daemon.signal("HUP");
    let text = daemon.logs("configuration reloaded").await;
    assert!(
        text.contains("generation=2") && text.contains("added=1"),
        "{text}"
    );
}

#[tokio::test]
async fn a_changed_file_is_noticed_when_it_is_watched() {
    let folder = folder("{}\n");
    let daemon = start(folder.path(), true).await;
    fs::write(
        folder.path().join("voice.txt"),
        "10.20.0.0/16\n10.40.0.0/16\n",
    )
    .expect("written");
    let text = daemon.logs("configuration reloaded").await;
    assert!(text.contains("added=1"), "{text}");
}

#[test]
fn sign_url_signs_the_addresses_of_phones_and_no_others() {
    let folder = folder("{}\n");
    let key = folder.path().join("links.key");
    fs::write(&key, "0123456789abcdef0123456789abcdef\n").expect("written");
    let settings = format!(
        "rest_api:\n  signed_links: {{key_file: {}}}\n",
        key.display()
    );
    fs::write(folder.path().join("conf.d/10-links.yml"), settings).expect("written");
    let user = "5f0c8a52-1111-4222-8333-944445555666";
    let base = "http://pbx.example:9498/0.1";
    for (address, before, after) in [
        (
            format!("{base}/yealink/directories/lookup/default?xivo_user_uuid={user}&term=#SEARCH"),
            format!("{base}/yealink/directories/lookup/default?sig="),
            format!("&xivo_user_uuid={user}&term=#SEARCH"),
        ),
        (
            format!("{base}/directories/lookup/default/gigaset/{user}"),
            format!("{base}/directories/lookup/default/gigaset/{user}?sig="),
            String::new(),
        ),
        (
            format!("{base}/fanvil/users/{user}/services/dnd/enable"),
            format!("{base}/fanvil/users/{user}/services/dnd/enable?sig="),
            String::new(),
        ),
    ] {
        let output = phoned(folder.path(), &["sign-url", &address]);
        let text = said(&output);
        assert_eq!(output.status.code(), Some(0), "{text}");
        let signature = text.trim_end().strip_prefix(&before);
        let signature = signature.and_then(|rest| rest.strip_suffix(&after));
        assert_eq!(signature.map(str::len), Some(43), "{text}");
        let output = phoned(
            folder.path(),
            &["sign-url", &address, "--subnet", "10.20.0.0/16"],
        );
        assert!(
            said(&output).contains("~10.20.0.0%2F16"),
            "{}",
            said(&output)
        );
    }
    for address in [
        format!("{base}/status"),
        format!("{base}/directories/lookup/default/cisco?term=a"),
        format!("http://pbx.example/?xivo_user_uuid={user}"),
    ] {
        let output = phoned(folder.path(), &["sign-url", &address]);
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    }
}
