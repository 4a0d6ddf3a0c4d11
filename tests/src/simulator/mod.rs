//! A phone of each make: it knows the address that provisioning wrote (phoned-vendors.md §1.5), shows what the documents say and
//! follows their links. `reading.rs` knows what the elements mean to a make's parser.

mod reading;

use anyhow::{Context, Result, bail, ensure};

use crate::phone::{Handset, encode, with_parameter};
use crate::wire::Answer;
use crate::xml::{self, Element};

/// A make of phone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Make {
    /// Aastra and Mitel desk phones.
    Aastra,
    /// Cisco 79xx and SPA.
    Cisco,
    /// Fanvil, from a soft key.
    Fanvil,
    /// Fanvil's cloud phonebook.
    FanvilV2,
    /// Gigaset DECT bases.
    Gigaset,
    /// Grandstream GXP.
    Grandstream,
    /// Htek.
    Htek,
    /// Polycom's browser.
    Polycom,
    /// Snom desk phones.
    Snom,
    /// Thomson and Technicolor.
    Thomson,
    /// Yealink.
    Yealink,
}

/// Where a make's search begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A menu, then a form.
    Menu,
    /// A form.
    Form,
    /// The phone has a form of its own.
    Results,
    /// The phone has screens of its own and asks for rows by number.
    Rows,
    /// The phone downloads everything and searches by itself.
    File,
}

/// A page of results as the phone shows it.
#[derive(Clone, Debug, Default)]
pub struct Sheet {
    /// Name and number of each line that can be dialled.
    pub lines: Vec<(String, String)>,
    /// The address behind the link to the previous page.
    pub previous: Option<String>,
    /// The address behind the link to the next page.
    pub next: Option<String>,
    /// Bytes of the document.
    pub bytes: usize,
}

impl Make {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Aastra,
        Self::Cisco,
        Self::Fanvil,
        Self::FanvilV2,
        Self::Gigaset,
        Self::Grandstream,
        Self::Htek,
        Self::Polycom,
        Self::Snom,
        Self::Thomson,
        Self::Yealink,
    ];

    /// The word in addresses.
    pub fn word(self) -> &'static str {
        match self {
            Self::Aastra => "aastra",
            Self::Cisco => "cisco",
            Self::Fanvil => "fanvil",
            Self::FanvilV2 => "fanvil-v2",
            Self::Gigaset => "gigaset",
            Self::Grandstream => "grandstream",
            Self::Htek => "htek",
            Self::Polycom => "polycom",
            Self::Snom => "snom",
            Self::Thomson => "thomson",
            Self::Yealink => "yealink",
        }
    }

    /// Where a search begins.
    pub fn entry(self) -> Entry {
        match self {
            Self::Cisco => Entry::Menu,
            Self::Aastra | Self::Fanvil | Self::Polycom | Self::Snom => Entry::Form,
            Self::Gigaset => Entry::Rows,
            Self::Grandstream => Entry::File,
            Self::FanvilV2 | Self::Htek | Self::Thomson | Self::Yealink => Entry::Results,
        }
    }

    /// Most lines of a document, links included, and most bytes; `None` = no limit is documented.
    pub fn limits(self) -> (Option<usize>, Option<usize>) {
        match self {
            Self::Aastra => (Some(30), Some(10_000)),
            Self::Cisco | Self::Thomson => (Some(32), None),
            Self::Polycom => (Some(52), Some(8192)),
            Self::Snom => (Some(100), None),
            _ => (None, None),
        }
    }

    fn agent(self) -> &'static str {
        match self {
            Self::Aastra => "Aastra6757i MAC:00-08-5D-00-00-01 V:3.3.1.4305-SIP",
            Self::Cisco => "Allegro-Software-WebClient/4.34 Cisco/CP7960",
            Self::Fanvil | Self::FanvilV2 => "Fanvil X5 2.0.0 0c383e000001",
            Self::Gigaset => "Gigaset N870 IP PRO/83.V2.11.0",
            Self::Grandstream => "Grandstream Model HW GXP2160 SW 1.0.11.16",
            Self::Htek => "Htek UC903 2.0.4.2 001fc1000001",
            Self::Polycom => "FileTransport PolycomSoundPointIP-SPIP_335-UA/3.2.1.0078",
            Self::Snom => "Mozilla/4.0 (compatible; snomD785-SIP 10.1.33.33)",
            Self::Thomson => "Thomson TB30 hw1 fw1.2 001122334455",
            Self::Yealink => "Yealink SIP-T46G 28.72.0.1 001565000001",
        }
    }
}

/// A phone of some make that belongs to a user.
#[derive(Clone, Debug)]
pub struct Simulator {
    /// Its make.
    pub make: Make,
    handset: Handset,
    /// Scheme, authority and prefix, and the user.
    base: String,
    user: String,
}

impl Simulator {
    /// A phone of `make` that was provisioned with phoned at `base` (`http://HOST:PORT`) for `user`.
    pub fn new(make: Make, base: &str, user: &str) -> Self {
        let handset = Handset {
            from: None,
            user_agent: Some(make.agent()),
        };
        Self {
            make,
            handset,
            base: base.to_owned(),
            user: user.to_owned(),
        }
    }

    /// The first page of a search for `typed`, by the way the phone goes.
    pub async fn search(&self, typed: &str) -> Result<Sheet> {
        let word = self.make.word();
        let old = |step: &str| {
            let user = &self.user;
            format!(
                "{}/0.1/directories/{step}/default/{word}?xivo_user_uuid={user}",
                self.base
            )
        };
        match self.make.entry() {
            Entry::Menu => {
                let menu = self.document(&format!("{}&", old("menu"))).await?;
                let form = self.document(&reading::menu(&menu)?).await?;
                self.sheet(&reading::submit(self.make, &form, typed)?).await
            }
            Entry::Form => {
                let form = self.document(&old("input")).await?;
                self.sheet(&reading::submit(self.make, &form, typed)?).await
            }
            Entry::Results => {
                self.sheet(&with_parameter(&old("lookup"), "term", typed))
                    .await
            }
            Entry::Rows => self.sheet(&self.rows(typed, 1)).await,
            Entry::File => {
                let user = &self.user;
                let path = format!("/0.1/directories/lookup/default/{word}/{user}/phonebook.xml");
                self.sheet(&format!("{}{path}", self.base)).await
            }
        }
    }

    /// All lines of a search: every page to the last one, and back to the first by the previous links.
    pub async fn everything(&self, typed: &str) -> Result<Vec<(String, String)>> {
        let mut sheets = vec![self.search(typed).await?];
        while let Some(next) = self.next(&sheets, typed) {
            ensure!(sheets.len() < 2000, "the pages never end: {next}");
            sheets.push(self.sheet(&next).await?);
        }
        self.go_back(&sheets).await?;
        Ok(sheets.into_iter().flat_map(|sheet| sheet.lines).collect())
    }

    /// The address of the page behind those in `sheets`.
    fn next(&self, sheets: &[Sheet], typed: &str) -> Option<String> {
        let last = sheets.last()?;
        if self.make.entry() != Entry::Rows || last.lines.is_empty() {
            return last.next.clone();
        }
        let shown: usize = sheets.iter().map(|sheet| sheet.lines.len()).sum();
        Some(self.rows(typed, shown + 1))
    }

    /// Follows the previous links from the last page; they must lead to the first page through the same lines.
    async fn go_back(&self, sheets: &[Sheet]) -> Result<()> {
        let Some(mut previous) = sheets.last().and_then(|sheet| sheet.previous.clone()) else {
            ensure!(
                sheets.iter().all(|sheet| sheet.next.is_none()),
                "no way back"
            );
            return Ok(());
        };
        for _ in 0..2000 {
            let sheet = self.sheet(&previous).await?;
            let Some(further) = sheet.previous else {
                ensure!(
                    sheet.lines.first() == sheets[0].lines.first(),
                    "the way back ends elsewhere"
                );
                return Ok(());
            };
            previous = further;
        }
        bail!("the way back never ends: {previous}")
    }

    fn rows(&self, typed: &str, first: usize) -> String {
        format!(
            "{}/0.1/directories/lookup/default/gigaset/{}?command=get_list&type=pr&set_first={}*&first={first}&count=20&limit=4096",
            self.base,
            self.user,
            encode(typed)
        )
    }

    /// Fetches a page of results and checks it against the limits of the make.
    pub async fn sheet(&self, url: &str) -> Result<Sheet> {
        let answer = self.answer(url).await?;
        let root = self.parsed(&answer, url)?;
        let sheet = reading::sheet(self.make, &root, answer.body.len())?;
        let (lines, bytes) = self.make.limits();
        let links = usize::from(sheet.previous.is_some()) + usize::from(sheet.next.is_some());
        let shown = sheet.lines.len()
            + if self.make == Make::Cisco || self.make == Make::Snom {
                0
            } else {
                links
            };
        ensure!(
            lines.is_none_or(|most| shown <= most),
            "{shown} lines for {url}"
        );
        ensure!(
            bytes.is_none_or(|most| sheet.bytes <= most),
            "{} bytes for {url}",
            sheet.bytes
        );
        Ok(sheet)
    }

    async fn document(&self, url: &str) -> Result<Element> {
        let answer = self.answer(url).await?;
        self.parsed(&answer, url)
    }

    async fn answer(&self, url: &str) -> Result<Answer> {
        let answer = self.handset.fetch(url).await?;
        if let Some(error) = answer.header("x-phoned-error") {
            bail!("{:?} shows an error screen ({error}) for {url}", self.make);
        }
        ensure!(answer.status == 200, "status {} for {url}", answer.status);
        let length = answer
            .header("content-length")
            .and_then(|length| length.parse().ok());
        ensure!(
            length == Some(answer.body.len()),
            "no exact length for {url}"
        );
        Ok(answer)
    }

    fn parsed(&self, answer: &Answer, url: &str) -> Result<Element> {
        let kind = answer.header("content-type").unwrap_or_default();
        let expected = if self.make == Make::Polycom {
            "text/html; charset=utf-8"
        } else {
            "text/xml; charset=utf-8"
        };
        ensure!(kind == expected, "the type of {url} is {kind:?}");
        let source = answer.text()?;
        let root = if self.make == Make::Polycom {
            xml::parse_html(source)
        } else {
            xml::parse(source)
        };
        root.with_context(|| format!("{url} does not parse:\n{source}"))
    }
}
