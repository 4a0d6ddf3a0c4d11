//! The remote phonebook of a Yealink (phoned-vendors.md §9).

use anyhow::Result;
use e2e::phone::{Handset, yealink_search};
use e2e::site::Plan;

use crate::people::{everybody, rows};

const FORMS: [&str; 2] = [
    "directories/lookup/default/yealink",
    "yealink/directories/lookup/default",
];

#[tokio::test]
async fn both_url_forms_show_the_same_people() -> Result<()> {
    let site = Plan::demo()?.start().await?;
    for path in FORMS {
        let found = yealink_search(&Handset::yealink(), &site.yealink(0, path)?, "celik").await?;
        let expected: Vec<_> = everybody("people.csv")?
            .into_iter()
            .filter(|p| p.name.ends_with("Çelik"))
            .collect();
        let mut found = found;
        found.sort();
        assert_eq!(found, rows(&expected), "{path}");
    }
    site.stop().await
}

#[tokio::test]
async fn opening_the_book_without_a_text_shows_every_source_of_the_profile() -> Result<()> {
    let site = Plan::demo()?.start().await?;
    let url = format!("{}&limit=5&offset=3", site.yealink(0, FORMS[1])?);
    assert_eq!(
        yealink_search(&Handset::yealink(), &url, "").await?.len(),
        5
    );

    let suppliers = everybody("phonebook.csv")?;
    let all = yealink_search(&Handset::yealink(), &site.yealink(0, FORMS[0])?, "").await?;
    let total = rows(&everybody("people.csv")?).len() + rows(&suppliers).len();
    assert_eq!(all.len(), total.min(500));
    site.stop().await
}

#[tokio::test]
async fn numbers_of_the_phonebook_can_be_dialled() -> Result<()> {
    let site = Plan::demo()?.start().await?;
    let wanted: Vec<_> = everybody("phonebook.csv")?
        .into_iter()
        .filter(|p| p.company.contains('&'))
        .collect();
    let mut shown = Vec::new();
    for company in ["Alder & Sons <Timber>", "Rolls & Reels"] {
        shown.extend(
            yealink_search(&Handset::yealink(), &site.yealink(0, FORMS[0])?, company).await?,
        );
    }
    shown.sort();
    assert!(!wanted.is_empty());
    assert_eq!(shown, rows(&wanted));
    site.stop().await
}
