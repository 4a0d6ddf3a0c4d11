//! Two companies on one dird: each phone sees its own people only.

use anyhow::Result;
use e2e::phone::{Handset, yealink_search};
use e2e::site::{Plan, phone_url};
use e2e::wire;

use crate::people::{everybody, rows};

const PATH: &str = "directories/lookup/default/yealink";

#[tokio::test]
async fn the_second_tenant_sees_its_phonebook_and_nothing_of_the_first() -> Result<()> {
    let site = Plan::demo()?.start().await?;
    let mut shown = yealink_search(&Handset::yealink(), &site.yealink(1, PATH)?, "").await?;
    shown.sort();
    assert_eq!(shown, rows(&everybody("clinic.csv")?));

    // Çelik works in both companies.
    let first = yealink_search(&Handset::yealink(), &site.yealink(0, PATH)?, "celik").await?;
    let second = yealink_search(&Handset::yealink(), &site.yealink(1, PATH)?, "celik").await?;
    assert!(
        second.iter().any(|(name, _)| name == "Tuğba Çelik"),
        "{second:?}"
    );
    assert!(
        first.iter().all(|row| !second.contains(row)),
        "{first:?} {second:?}"
    );
    site.stop().await
}

#[tokio::test]
async fn an_unknown_user_profile_or_a_missing_parameter_is_told_apart() -> Result<()> {
    let site = Plan::demo()?.start().await?;
    let (phones, user) = (site.phones()?, site.user(0)?);
    let nobody = "00000000-0000-4000-8000-000000000000";
    let lookup = |profile: &str, user: &str| {
        phone_url(phones, &format!("directories/lookup/{profile}/cisco"), user)
    };
    let cases = [
        (
            format!("{}&term=a", lookup("default", nobody)),
            404,
            "unknown-user",
        ),
        (
            format!("{}&term=a", lookup("default", "not-a-uuid")),
            404,
            "unknown-user",
        ),
        (
            format!("{}&term=a", lookup("no-such-profile", &user)),
            404,
            "unknown-profile",
        ),
        (lookup("default", &user), 400, "invalid-data"),
        (
            format!("http://{phones}/0.1/directories/lookup/default/cisco?term=a"),
            400,
            "invalid-data",
        ),
        (
            format!("http://{phones}/0.1/directories/menu/default/cisco"),
            400,
            "invalid-data",
        ),
        (
            format!("{}&term=a&limit=-1", lookup("default", &user)),
            400,
            "invalid-data",
        ),
        (
            format!("http://{phones}/0.1/directories/menu/default/yealink?xivo_user_uuid={user}"),
            404,
            "not-found",
        ),
    ];
    for (url, status, error_id) in cases {
        let answer = wire::get(&url, None, &[]).await?;
        assert_eq!(answer.status, status, "{url}");
        assert_eq!(answer.json()?["error_id"], error_id, "{url}");
        // The same to a phone: a page it can show, that says what it is.
        let page = wire::get(&url, None, &[("User-Agent", "Cisco/CP7960")]).await?;
        if error_id != "not-found" {
            assert_eq!(
                (page.status, page.header("x-phoned-error")),
                (200, Some(error_id)),
                "{url}"
            );
            e2e::xml::parse(page.text()?)?;
        }
    }
    site.stop().await
}
