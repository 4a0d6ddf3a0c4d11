//! What must hold for any people on any make, in both flavours (phoned-vendors.md §1.3, §12).

use std::sync::LazyLock;

use phoned::{
    directory::{link::Place, rows::Entry},
    vendor::{
        check::well_formed,
        manifest::Form,
        registry::{Choices, Registry, Vendor},
        render::{Charset, Page, Wanted},
        traits::Traits,
    },
};
use proptest::prelude::*;

static REGISTRY: LazyLock<Registry> = LazyLock::new(|| {
    Registry::load(&Choices {
        default_locale: "en".to_owned(),
        ..Choices::default()
    })
    .expect("the compiled-in templates")
});

fn page<'a>(vendor: &'a Vendor, traits: &'a Traits, rich: bool) -> Page<'a> {
    Page {
        vendor,
        place: Place {
            base: "http://pbx.example:9498",
            form: Form::New,
            vendor: &vendor.name,
            profile: "default",
            user: "5f0c8a52-1111-4222-8333-944445555666",
            user_place: vendor.manifest.user,
            file: vendor.manifest.file.as_deref(),
            lang: None,
            signature: None,
        },
        locale: REGISTRY.catalogue.choose(None, None),
        charset: Charset::Utf8,
        rich,
        traits,
        short: None,
    }
}

fn traits(vendor: &Vendor) -> Traits {
    let echo = vendor.manifest.echo.iter();
    Traits {
        echo: echo
            .map(|(name, echo)| (name.clone(), echo.default.clone()))
            .collect(),
        ..Traits::default()
    }
}

/// People with numbers that occur nowhere else in a document.
fn entries(names: &[String]) -> Vec<Entry> {
    let entry = |(person, name): (usize, &String)| Entry {
        person,
        ..Entry::alone(name.replace(|c: char| c.is_numeric(), ""), number(person))
    };
    names.iter().enumerate().map(entry).collect()
}

fn number(person: usize) -> String {
    format!("777{person:04}777")
}

/// The page that the last link with a larger offset leads to.
fn next(document: &str, offset: usize) -> Option<(usize, usize)> {
    let links = document.split("limit=").skip(1).filter_map(|rest| {
        let (limit, rest) = rest.split_once("&amp;offset=")?;
        let end = rest.find(|c: char| !c.is_ascii_digit())?;
        Some((limit.parse().ok()?, rest[..end].parse().ok()?))
    });
    links.filter(|(_, next)| *next > offset).last()
}

/// Follows the links from the first page on and answers all its documents.
fn walk(page: &Page<'_>, entries: &[Entry], limit: usize) -> Vec<String> {
    let (mut documents, mut at) = (Vec::new(), Some((limit, 0)));
    while let Some((limit, offset)) = at {
        let wanted = Wanted {
            term: "a&b",
            limit: Some(limit),
            offset,
            bytes: None,
        };
        let listed = REGISTRY.results(page, wanted, entries).expect("a document");
        let document = String::from_utf8(listed.body.to_vec()).expect("UTF-8");
        at = next(&document, offset);
        documents.push(document);
    }
    documents
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_people_are_shown_within_the_limits_and_to_the_last(
        names in prop::collection::vec(any::<String>(), 0..90), long in 0_usize..400, limit in 0_usize..60,
    ) {
        let names: Vec<String> = names.iter().map(|name| format!("{name}{}", "&".repeat(long))).collect();
        let entries = entries(&names);
        for vendor in &REGISTRY.vendors {
            let traits = traits(vendor);
            for rich in [false, true] {
                let page = page(vendor, &traits, rich);
                let rules = page.rules();
                let documents = walk(&page, &entries, limit);
                for document in &documents {
                    prop_assert_eq!(well_formed(document), Ok(()), "{}", document);
                    prop_assert_eq!(rules.excess(document.len()), 0, "{} {}", vendor.name, document.len());
                    let shown = entries.iter().filter(|entry| document.contains(&entry.number)).count();
                    prop_assert!(rules.cap == 0 || shown <= rules.cap, "{} shows {}", vendor.name, shown);
                }
                if rules.links {
                    let all = documents.concat();
                    let missing = entries.iter().find(|entry| !all.contains(&entry.number));
                    prop_assert_eq!(missing, None, "{}", &vendor.name);
                }
            }
        }
    }
}
