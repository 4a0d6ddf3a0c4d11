//! Desk phones: they know the URL that provisioning gave them and follow what the documents say.

use std::net::IpAddr;

use anyhow::{Context, Result, bail, ensure};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::wire::{self, Answer};
use crate::xml::{self, Element};

/// What a phone percent-encodes in the text that its owner typed.
const TYPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The handset's network side, the same for every make.
#[derive(Clone, Debug)]
pub struct Handset {
    /// Its address; `None` lets the kernel choose.
    pub from: Option<IpAddr>,
    /// Its `User-Agent`; `None` sends none.
    pub user_agent: Option<&'static str>,
}

impl Handset {
    /// A Cisco 7960-like phone.
    pub fn cisco() -> Self {
        Self {
            from: None,
            user_agent: Some("Allegro-Software-WebClient/4.34 Cisco/CP7960"),
        }
    }

    /// A Yealink T46-like phone.
    pub fn yealink() -> Self {
        Self {
            from: None,
            user_agent: Some("Yealink SIP-T46G 28.72.0.1"),
        }
    }

    /// The same phone at another address.
    #[must_use]
    pub fn at(mut self, address: IpAddr) -> Self {
        self.from = Some(address);
        self
    }

    /// Fetches a URL as it stands in a document.
    pub async fn fetch(&self, url: &str) -> Result<Answer> {
        let agent = self.user_agent.map(|agent| ("User-Agent", agent));
        wire::get(url, self.from, agent.as_slice()).await
    }

    /// Fetches a page: status 200, `text/xml`, no error screen, a document that parses.
    pub async fn page(&self, url: &str) -> Result<Page> {
        let answer = self.fetch(url).await?;
        if let Some(error) = answer.header("x-phoned-error") {
            bail!("the phone shows an error screen ({error}) for {url}");
        }
        ensure!(
            answer.status == 200,
            "status {} for {url}: {}",
            answer.status,
            answer.text().unwrap_or("not text")
        );
        let kind = answer.header("content-type").unwrap_or_default();
        ensure!(
            kind == "text/xml; charset=utf-8",
            "the type of {url} is {kind:?}"
        );
        let source = answer.text()?.to_owned();
        let root =
            xml::parse(&source).with_context(|| format!("{url} does not parse:\n{source}"))?;
        Ok(Page { source, root })
    }
}

/// A document as received and as understood.
#[derive(Clone, Debug)]
pub struct Page {
    /// The bytes, as text.
    pub source: String,
    /// The element tree.
    pub root: Element,
}

/// A Cisco phone in its directory: menu, input, results, next page (phoned-vendors.md §3).
#[derive(Clone, Debug)]
pub struct Cisco {
    handset: Handset,
}

/// A line of a Cisco menu.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MenuLine {
    /// What is shown.
    pub name: String,
    /// What is fetched when it is chosen.
    pub url: String,
}

/// Cisco's search form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// The title on top of the screen.
    pub title: String,
    /// The URL that receives the text.
    pub url: String,
    /// The query parameter that carries the text.
    pub parameter: String,
}

/// One page of results.
#[derive(Clone, Debug)]
pub struct Results {
    /// The document.
    pub source: String,
    /// Name and number of every entry, in order.
    pub entries: Vec<(String, String)>,
    /// Label, URL and position of every soft key, in order.
    pub soft_keys: Vec<SoftKey>,
}

/// A key below the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SoftKey {
    /// Its label.
    pub name: String,
    /// What it does.
    pub url: String,
    /// Its place, from 1.
    pub position: u32,
}

impl Results {
    /// The URL behind the soft key that fetches the next page (position 4).
    pub fn next(&self) -> Option<&str> {
        self.link_at(4)
    }

    /// The URL behind the soft key that fetches the previous page (position 2).
    pub fn previous(&self) -> Option<&str> {
        self.link_at(2)
    }

    fn link_at(&self, position: u32) -> Option<&str> {
        let key = self.soft_keys.iter().find(|key| key.position == position)?;
        Some(key.url.as_str()).filter(|url| url.starts_with("http"))
    }
}

impl Cisco {
    /// A phone with that handset.
    pub fn new(handset: Handset) -> Self {
        Self { handset }
    }

    /// Presses the directories key.
    pub async fn menu(&self, url: &str) -> Result<Vec<MenuLine>> {
        let page = self.handset.page(url).await?;
        expect_root(&page.root, "CiscoIPPhoneMenu")?;
        let line = |item: &Element| -> Result<MenuLine> {
            Ok(MenuLine {
                name: item.text_of("Name")?.to_owned(),
                url: item.text_of("URL")?.to_owned(),
            })
        };
        page.root.all("MenuItem").map(line).collect()
    }

    /// Opens the search form.
    pub async fn form(&self, url: &str) -> Result<Form> {
        let page = self.handset.page(url).await?;
        expect_root(&page.root, "CiscoIPPhoneInput")?;
        let item = page
            .root
            .first("InputItem")
            .context("a form without a field")?;
        Ok(Form {
            title: page.root.text_of("Title")?.to_owned(),
            url: page.root.text_of("URL")?.to_owned(),
            parameter: item.text_of("QueryStringParam")?.to_owned(),
        })
    }

    /// Types a text into the form and sends it.
    pub async fn submit(&self, form: &Form, typed: &str) -> Result<Results> {
        self.results(&with_parameter(&form.url, &form.parameter, typed))
            .await
    }

    /// Fetches one page of results.
    pub async fn results(&self, url: &str) -> Result<Results> {
        let page = self.handset.page(url).await?;
        expect_root(&page.root, "CiscoIPPhoneDirectory")?;
        let soft_key = |key: &Element| -> Result<SoftKey> {
            Ok(SoftKey {
                name: key.text_of("Name")?.to_owned(),
                url: key.text_of("URL")?.to_owned(),
                position: key.text_of("Position")?.parse()?,
            })
        };
        Ok(Results {
            entries: entries(&page.root)?,
            soft_keys: page
                .root
                .all("SoftKeyItem")
                .map(soft_key)
                .collect::<Result<_>>()?,
            source: page.source,
        })
    }

    /// The whole way: directories key, first line of the menu, form, text.
    pub async fn search(&self, menu_url: &str, typed: &str) -> Result<Results> {
        let lines = self.menu(menu_url).await?;
        let line = lines.first().context("an empty menu")?;
        let form = self.form(&line.url).await?;
        self.submit(&form, typed).await
    }

    /// Follows the next-page key to the end; answers every page.
    pub async fn all_pages(&self, first: Results) -> Result<Vec<Results>> {
        let mut pages = vec![first];
        while let Some(next) = pages.last().and_then(Results::next).map(str::to_owned) {
            ensure!(pages.len() < 100, "the next-page key never ends: {next}");
            pages.push(self.results(&next).await?);
        }
        Ok(pages)
    }
}

/// A Yealink's remote phonebook: one URL with the text in place of `#SEARCH` (phoned-vendors.md §9).
pub async fn yealink_search(
    handset: &Handset,
    url: &str,
    typed: &str,
) -> Result<Vec<(String, String)>> {
    let page = handset
        .page(&url.replace("#SEARCH", &encode(typed)))
        .await?;
    expect_root(&page.root, "YealinkIPPhoneDirectory")?;
    entries(&page.root)
}

/// A text as a phone puts it into a query.
pub fn encode(typed: &str) -> String {
    utf8_percent_encode(typed, TYPED).to_string()
}

/// The URL with one more query parameter, as a Cisco phone appends it.
pub fn with_parameter(url: &str, name: &str, value: &str) -> String {
    let joint = if url.contains('?') { '&' } else { '?' };
    format!("{url}{joint}{name}={}", encode(value))
}

fn entries(root: &Element) -> Result<Vec<(String, String)>> {
    let entry = |entry: &Element| -> Result<(String, String)> {
        Ok((
            entry.text_of("Name")?.to_owned(),
            entry.text_of("Telephone")?.to_owned(),
        ))
    };
    root.all("DirectoryEntry").map(entry).collect()
}

fn expect_root(root: &Element, name: &str) -> Result<()> {
    ensure!(
        root.name == name,
        "expected a <{name}>, the phone got a <{}>",
        root.name
    );
    Ok(())
}
