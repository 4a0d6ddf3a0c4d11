//! Directories key, search form, results, next page: a Cisco phone (phoned-vendors.md §3).

use anyhow::{Context, Result};
use e2e::phone::{Cisco, Handset};
use e2e::site::{Plan, Site, phone_url};

use crate::people::{everybody, rows};

/// The provisioned URL and the new form of it (phoned.md §3.1).
fn both_forms(site: &Site) -> Result<[String; 2]> {
    let new_form = phone_url(
        site.phones()?,
        "cisco/directories/menu/default",
        &site.user(0)?,
    );
    Ok([site.cisco_menu(0)?, new_form])
}

#[tokio::test]
async fn a_name_is_found_without_its_accents_by_both_url_forms() -> Result<()> {
    let site = Plan::demo()?.start().await?;
    let phone = Cisco::new(Handset::cisco());
    for url in both_forms(&site)? {
        let page = phone.search(&url, "ELODIE").await?;
        assert!(
            page.entries
                .contains(&("Élodie Çelik".to_owned(), "2042".to_owned())),
            "{:?}",
            page.entries
        );
        let mobile = (
            "Élodie Çelik (mobile)".to_owned(),
            "+33639980042".to_owned(),
        );
        assert!(page.entries.contains(&mobile), "{:?}", page.entries);
    }
    site.stop().await
}

#[tokio::test]
async fn links_stay_in_the_form_of_the_request() -> Result<()> {
    let site = Plan::demo()?.start().await?;
    let phone = Cisco::new(Handset::cisco());
    for (url, form) in both_forms(&site)?
        .iter()
        .zip(["/0.1/directories/", "/0.1/cisco/directories/"])
    {
        let lines = phone.menu(url).await?;
        let search = phone.form(&lines[0].url).await?;
        let page = phone.submit(&search, "an").await?;
        let next = page.next().context("a full page has a next page")?;
        for link in [&lines[0].url, &search.url, next] {
            assert!(
                link.starts_with(&format!("http://{}{form}", site.phones()?)),
                "{link} leaves {form}"
            );
        }
    }
    site.stop().await
}

#[tokio::test]
async fn the_pages_together_show_everybody_once() -> Result<()> {
    let site = Plan::demo()?.start().await?;
    let phone = Cisco::new(Handset::cisco());
    // The company's own name finds all of people.csv, and nobody of the phonebook.
    let expected = rows(&everybody("people.csv")?);
    for url in both_forms(&site)? {
        let pages = phone
            .all_pages(phone.search(&url, "northwind").await?)
            .await?;
        let (last, full) = pages.split_last().context("no page")?;
        assert!(full.len() > 1 && full.iter().all(|page| page.entries.len() == 32));
        assert!((1..=32).contains(&last.entries.len()) && last.next().is_none());
        let mut shown: Vec<_> = pages.iter().flat_map(|page| page.entries.clone()).collect();
        shown.sort();
        assert_eq!(shown, expected);
    }
    site.stop().await
}

#[tokio::test]
async fn the_previous_page_key_leads_back() -> Result<()> {
    let site = Plan::demo()?.start().await?;
    let phone = Cisco::new(Handset::cisco());
    let first = phone.search(&site.cisco_menu(0)?, "an").await?;
    assert_eq!(first.previous(), None);
    let second = phone
        .results(first.next().context("no second page")?)
        .await?;
    assert_ne!(second.entries, first.entries);
    let back = phone
        .results(second.previous().context("no way back")?)
        .await?;
    assert_eq!(back.entries, first.entries);
    site.stop().await
}

#[tokio::test]
async fn nobody_found_is_one_line_without_a_number() -> Result<()> {
    let site = Plan::demo()?.start().await?;
    let page = Cisco::new(Handset::cisco())
        .search(&site.cisco_menu(0)?, "nobody is called so")
        .await?;
    assert_eq!(page.entries, [("No entries".to_owned(), String::new())]);
    assert_eq!(page.soft_keys, []);
    site.stop().await
}
