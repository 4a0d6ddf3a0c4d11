//! Texts that break naive links, queries and documents.

use anyhow::{Context, Result};
use e2e::phone::{Cisco, Handset};
use e2e::site::{Plan, Site};
use e2e::{wire, xml};

#[tokio::test]
async fn a_text_with_markup_searches_the_same_on_every_page() -> Result<()> {
    let site = with_odd_people().await?;
    let phone = Cisco::new(Handset::cisco());
    for text in ["a&b 100% c+d é", "<bqx>&\"'", "#+?=/;"] {
        let pages = phone
            .all_pages(phone.search(&site.cisco_menu(0)?, text).await?)
            .await?;
        assert_eq!(pages.len(), 2, "40 people for {text:?}");
        let mut names: Vec<_> = pages
            .iter()
            .flat_map(|page| page.entries.iter().map(|(name, _)| name.clone()))
            .collect();
        names.sort();
        let mut expected: Vec<_> = (10..50).map(|number| format!("{number} {text}")).collect();
        expected.sort();
        assert_eq!(names, expected);
    }
    site.stop().await
}

#[tokio::test]
async fn raw_latin_1_bytes_find_accented_names() -> Result<()> {
    let site = Plan::demo()?.start().await?;
    let path = format!(
        "/0.1/directories/lookup/default/cisco?xivo_user_uuid={}&term=",
        site.user(0)?
    );
    let line = |term: &[u8]| {
        [
            b"GET ",
            path.as_bytes(),
            term,
            b" HTTP/1.1\r\nHost: 127.0.0.1:1\r\n\r\n",
        ]
        .concat()
    };
    // "Élodie" raw, percent-encoded Latin-1, percent-encoded UTF-8: one and the same.
    for term in [
        b"\xC9lodie".as_slice(),
        b"%C9lodie",
        b"%C3%89lodie",
        "Élodie".as_bytes(),
    ] {
        let answer = wire::exchange(site.phones()?, None, &line(term)).await?;
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(term));
        let root = xml::parse(answer.text()?)?;
        let names: Vec<_> = root
            .all("DirectoryEntry")
            .map(|entry| entry.text_of("Name"))
            .collect::<Result<_>>()?;
        assert!(
            names.contains(&"Élodie Çelik"),
            "{} finds {names:?}",
            String::from_utf8_lossy(term)
        );
    }
    site.stop().await
}

#[tokio::test]
async fn names_in_every_script_make_documents_that_parse() -> Result<()> {
    let site = Plan::demo()?.start().await?;
    let phone = Cisco::new(Handset::cisco());
    let pages = phone
        .all_pages(phone.search(&site.cisco_menu(0)?, "").await?)
        .await?;
    let names: String = pages
        .iter()
        .flat_map(|page| &page.entries)
        .map(|(name, _)| name.as_str())
        .collect();
    for letter in [
        'ç', 'Ł', 'ğ', 'ễ', 'Þ', 'λ', 'Щ', 'ل', 'ש', '佐', '王', '김',
    ] {
        assert!(names.contains(letter), "nobody with {letter}");
    }
    site.stop().await
}

#[tokio::test]
async fn control_characters_of_a_source_never_reach_a_phone() -> Result<()> {
    let plan = Plan::demo()?;
    let people = "id,firstname,lastname,number,mobile,email,company,city\n\
                  1,Ann\u{1}a,Tab\tber,2001,,,,\n2,\u{202E}Rita,\u{1F600}Emoji,2002,,,,\n";
    std::fs::write(plan.file("config/demo/people.csv"), people)?;
    let site = plan.start().await?;
    let page = Cisco::new(Handset::cisco())
        .search(&site.cisco_menu(0)?, "200")
        .await?;
    let names: Vec<_> = page.entries.iter().map(|(name, _)| name.as_str()).collect();
    assert!(names.contains(&"Anna Tab ber"), "{names:?}");
    assert!(
        names.iter().any(|name| name.contains('\u{1F600}')),
        "{names:?}"
    );
    site.stop().await
}

/// Forty people for each text of the first test, so that there is a second page.
async fn with_odd_people() -> Result<Site> {
    let plan = Plan::demo()?;
    let path = plan.file("config/demo/people.csv");
    let mut writer = csv::Writer::from_path(&path).context("people.csv")?;
    writer.write_record([
        "id",
        "firstname",
        "lastname",
        "number",
        "mobile",
        "email",
        "company",
        "city",
    ])?;
    for text in ["a&b 100% c+d é", "<bqx>&\"'", "#+?=/;"] {
        for number in 10..50 {
            let number = number.to_string();
            writer.write_record([&number, &number, text, &number, "", "", "", ""])?;
        }
    }
    writer.flush()?;
    plan.start().await
}
