//! What a reload says of what it did, or of what keeps it from doing anything (phoned.md §16.3).

use serde_json::{Value, json};

use crate::configuration::Configured;

#[tokio::test]
async fn a_reload_says_which_entries_are_treated_otherwise_and_which_other_keys_changed() {
    let more = json!({"cache": {"lookup_ttl": 30}, "i18n": {"default_locale": "en"}});
    let phoned = Configured::with(more, |_| {}).await;
    let entries =
        |locale: &str| json!(["192.0.2.0/24", {"subnet": "10.1.0.0/16", "locale": locale}]);
    let reload = async |changes: &[(&str, Value)]| {
        phoned.rewrite(changes);
        let answer = phoned.at("POST", "/0.1/config/reload", "").await;
        answer.json()["changes"].clone()
    };
    let subnets = "/rest_api/authorized_subnets";
    assert_eq!(
        reload(&[(subnets, entries("fr")), ("/cache/lookup_ttl", json!(31))]).await,
        json!({
            "authorized_subnets": {"added": ["10.1.0.0/16"], "removed": []},
            "keys": ["cache.lookup_ttl"],
        })
    );
    let locale = ("/i18n/default_locale", json!("de"));
    assert_eq!(
        reload(&[(subnets, entries("de")), locale]).await,
        json!({
            "authorized_subnets": {"added": [], "removed": [], "changed": ["10.1.0.0/16"]},
            "keys": ["i18n.default_locale"],
        })
    );
    assert_eq!(
        reload(&[]).await,
        json!({"authorized_subnets": {"added": [], "removed": []}})
    );
    phoned.running.stop().await;
}

#[tokio::test]
async fn a_refused_reload_names_the_file_of_each_fault() {
    let phoned = Configured::start().await;
    let folder = phoned.folder.path();
    std::fs::create_dir(folder.join("none")).expect("made");
    let further = folder.join("none/70-further.yml");
    for (text, key, file) in [
        (
            "templates_dir: /no/such/folder\n",
            "templates_dir",
            "none/70-further.yml",
        ),
        (
            "rest_api: {authorized_subnets: [{subnet: 10/8, locale: xx}]}\n",
            "rest_api.authorized_subnets",
            "none/70-further.yml",
        ),
    ] {
        std::fs::write(&further, text).expect("written");
        let answer = phoned.at("POST", "/0.1/config/reload", "").await;
        assert_eq!(answer.status, 400);
        let fault = answer.json()["details"][0].clone();
        assert_eq!(fault["key"], key);
        assert_eq!(fault["file"], json!(folder.join(file)), "{fault}");
    }
    phoned.running.stop().await;
}
