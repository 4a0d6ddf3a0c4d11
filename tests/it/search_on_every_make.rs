//! Every make of phone goes its own way to the results and through all of its pages (phoned-vendors.md). What it has seen in the
//! end is what dird holds.

use anyhow::{Context, Result, ensure};
use e2e::proxy::Proxy;
use e2e::simulator::{Entry, Make, Simulator};
use e2e::site::{Plan, Site};
use e2e::wire;
use serde_json::json;

/// First names that have broken documents, links and lists before; the last name of all is the word that is searched.
const NAMES: [&str; 12] = [
    "a & b",
    "<b>&amp;</b>",
    "\"quoted\" 'single'",
    "Bob\u{1}\u{7}x",
    "C1\u{85}x",
    "Pizza 🍕👩‍👩‍👧",
    "ليلى منصور",
    "דנה לוי",
    "山田 太郎",
    "Zoë Ñandú",
    "]]> &nope; {{ 7 * 7 }}",
    "100% c+d #?=/;",
];
const WORD: &str = "q&x d+é";

/// How the names arrive on the phone: without what no XML reader takes.
fn shown(name: &str) -> String {
    name.replace(['\u{1}', '\u{7}', '\u{85}'], "")
}

/// 190 people, each with a number of their own; some names are of 300 characters.
fn people() -> Vec<(String, String)> {
    let person = |index: usize| {
        let name = NAMES[index % NAMES.len()];
        let name = if index.is_multiple_of(19) {
            name.repeat(300 / name.chars().count())
        } else {
            name.to_owned()
        };
        (name, format!("{}", 5_550_000 + index))
    };
    (0..190).map(person).collect()
}

async fn site() -> Result<Site> {
    of_people(Plan::demo()?).await
}

/// The site of `plan` with [`people`] in place of the demo's.
async fn of_people(plan: Plan) -> Result<Site> {
    let mut writer = csv::Writer::from_path(plan.file("config/demo/people.csv"))?;
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
    for (index, (name, number)) in people().iter().enumerate() {
        writer.write_record([&index.to_string(), name, WORD, number, "", "", "", ""])?;
    }
    writer.flush()?;
    plan.start().await
}

fn base(site: &Site) -> Result<String> {
    Ok(format!("http://{}", site.phones()?))
}

#[tokio::test]
async fn following_all_links_shows_every_person_once_on_every_make() -> Result<()> {
    let site = site().await?;
    everybody_is_seen(&site, &base(&site)?).await?;
    site.stop().await
}

#[tokio::test]
async fn behind_a_proxy_every_link_leads_through_its_prefix() -> Result<()> {
    let mut plan = Plan::demo()?;
    plan.phoned["rest_api"]["trusted_proxies"] = json!(["127.0.0.1"]);
    plan.phoned["rest_api"]["authorized_subnets"] = json!(["10.20.0.0/16", "127.0.0.1"]);
    let site = of_people(plan).await?;
    let proxy = Proxy::start("/phones", site.phones()?, "10.20.0.7").await?;
    let front = format!("http://{}/phones", proxy.address);
    everybody_is_seen(&site, &front).await?;
    ensure!(
        proxy.passed() > 2 * Make::ALL.len(),
        "the proxy was gone round"
    );
    let stranger = Proxy::start("/phones", site.phones()?, "10.21.0.7").await?;
    let stranger = format!("http://{}/phones", stranger.address);
    let stranger = Simulator::new(Make::Snom, &stranger, &site.user(0)?);
    ensure!(
        stranger.search(WORD).await.is_err(),
        "the phone is judged, not the proxy"
    );
    site.stop().await
}

/// Lets a phone of every make, which knows phoned at `base`, go through all of its pages.
async fn everybody_is_seen(site: &Site, base: &str) -> Result<()> {
    let mut expected: Vec<_> = people()
        .into_iter()
        .map(|(name, number)| (format!("{} {WORD}", shown(&name)), number))
        .collect();
    expected.sort();
    for make in Make::ALL {
        let phone = Simulator::new(make, base, &site.user(0)?);
        let mut seen = phone
            .everything(WORD)
            .await
            .with_context(|| format!("{make:?}"))?;
        seen.sort();
        if make == Make::Thomson {
            // Eight lines and no links.
            ensure!(
                seen.len() == 8 && seen.iter().all(|line| expected.contains(line)),
                "{seen:?}"
            );
        } else if make.entry() == Entry::File {
            // The file holds everybody, the other sources of the profile included.
            let missing: Vec<_> = expected
                .iter()
                .filter(|line| !seen.contains(line))
                .collect();
            ensure!(missing.is_empty(), "{make:?} lacks {missing:?}");
        } else {
            assert_eq!(seen, expected, "{make:?}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_search_that_finds_nobody_shows_no_line_on_any_make() -> Result<()> {
    let site = Plan::demo()?.start().await?;
    for make in Make::ALL
        .into_iter()
        .filter(|make| make.entry() != Entry::File)
    {
        let phone = Simulator::new(make, &base(&site)?, &site.user(0)?);
        let sheet = phone.search("nobody at all").await?;
        ensure!(
            sheet.lines.is_empty() && sheet.next.is_none(),
            "{make:?}: {sheet:?}"
        );
    }
    site.stop().await
}

#[tokio::test]
async fn ten_thousand_results_are_shown_to_the_last() -> Result<()> {
    let mut plan = Plan::demo()?;
    plan.contacts = Some(10_000);
    let site = plan.start().await?;
    let mut held = numbers(&site).await?;
    held.sort();
    ensure!(held.len() >= 10_000, "dird holds {}", held.len());
    for make in [Make::Cisco, Make::Snom] {
        let phone = Simulator::new(make, &base(&site)?, &site.user(0)?);
        let mut seen: Vec<String> = phone
            .everything("")
            .await?
            .into_iter()
            .map(|line| line.1)
            .collect();
        seen.sort();
        ensure!(
            seen == held,
            "{make:?} has seen {} of {}",
            seen.len(),
            held.len()
        );
    }
    site.stop().await
}

/// The numbers that dird answers to an empty search, as they are dialled.
async fn numbers(site: &Site) -> Result<Vec<String>> {
    let token = site.service_token().await?;
    let url = format!(
        "http://{}/0.1/directories/lookup/default/{}?term=",
        site.rest()?,
        site.user(0)?
    );
    let tenant = site.demo.people.first().context("nobody")?.0.as_str();
    let answer = wire::get(
        &url,
        None,
        &[("X-Auth-Token", token.as_str()), ("Wazo-Tenant", tenant)],
    )
    .await?;
    let answer = answer.json()?;
    let types = answer["column_types"].as_array().context("no types")?;
    let rows = answer["results"].as_array().context("no rows")?;
    let mut numbers = Vec::new();
    for row in rows {
        for (index, _) in types
            .iter()
            .enumerate()
            .filter(|(_, kind)| *kind == "number")
        {
            let number = row["column_values"][index].as_str().unwrap_or("");
            numbers.extend(Some(dialled(number)).filter(|number| !number.is_empty()));
        }
    }
    Ok(numbers)
}

fn dialled(number: &str) -> String {
    let kept: String = number
        .chars()
        .filter(|c| c.is_ascii_digit() || "*#+()".contains(*c))
        .collect();
    match (kept.split_once('('), kept.split_once(')')) {
        (Some((before, _)), Some((_, after))) if kept.starts_with('+') => {
            format!("00{}{after}", before.trim_start_matches('+'))
        }
        _ => kept.replace(['(', ')'], ""),
    }
}

#[tokio::test]
async fn pages_that_are_asked_for_oddly_stay_within_the_limits() -> Result<()> {
    let site = site().await?;
    for make in Make::ALL
        .into_iter()
        .filter(|make| make.entry() != Entry::File && make.entry() != Entry::Rows)
    {
        let phone = Simulator::new(make, &base(&site)?, &site.user(0)?);
        let path = format!("directories/lookup/default/{}", make.word());
        let url = e2e::site::phone_url(site.phones()?, &path, &site.user(0)?);
        for odd in [
            "limit=0",
            "limit=1",
            "limit=1000000",
            "limit=7&offset=189",
            "offset=5000",
            "limit=+3&offset=%2B2",
        ] {
            let sheet = phone.sheet(&format!("{url}&term=q&{odd}")).await?;
            if let Some(next) = sheet.next {
                // The next page begins where this one ends, wherever that was.
                ensure!(
                    phone.sheet(&next).await?.lines.first() != sheet.lines.first(),
                    "{make:?} {odd}"
                );
            }
        }
    }
    site.stop().await
}
