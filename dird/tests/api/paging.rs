//! Lists cut into pages: whatever is asked for, the pages put together are the list, in its order.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use reqwest::Method;
use serde_json::{Value, json};

use crate::site::{Site, unchanged};

/// The lists, with the columns that they sort by.
const LISTS: [(&str, &[&str]); 5] = [
    ("/sources", &["name", "backend"]),
    ("/backends/csv/sources", &["name", "file"]),
    ("/displays", &["name"]),
    ("/profiles", &["name"]),
    ("/phonebooks", &["name", "description"]),
];

/// Names that collations and patterns like to treat differently.
const NAMES: [&str; 14] = [
    "alpha", "Alpha", "beta", "Élan", "elan", "ELAN", "zeta", "Zoë", "zoe", "a%b", "a_b", "a b",
    "100", "~",
];

/// What somebody asks of a list.
#[derive(Debug, Clone)]
struct Asked {
    list: usize,
    column: usize,
    descending: bool,
    search: String,
    limit: usize,
}

fn asked() -> impl Strategy<Value = Asked> {
    let search = prop::sample::select(vec![
        "", "a", "L", "é", "e", "%", "_", "a b", "zo", "nobody",
    ]);
    (
        0..LISTS.len(),
        0..2_usize,
        any::<bool>(),
        search,
        1..6_usize,
    )
        .prop_map(|(list, column, descending, search, limit)| Asked {
            list,
            column,
            descending,
            search: search.to_owned(),
            limit,
        })
}

/// Makes a source, a display and a profile of each name. Displays may share one, so that there are ties.
async fn fill(site: &Site) {
    for (number, name) in NAMES.iter().enumerate() {
        let csv = json!({"name": name, "file": format!("/{}.csv", number % 3)});
        let (backend, body) = match number % 2 {
            0 => ("csv", csv),
            _ => ("personal", json!({"name": name})),
        };
        let display = json!({"name": name, "columns": [{"field": "fn"}]});
        let profile = json!({"name": name, "services": {}});
        let phonebook = json!({"name": name, "description": format!("{}", number % 3)});
        let source = format!("/backends/{backend}/sources");
        for (path, body) in [
            (source.as_str(), &body),
            ("/displays", &display),
            ("/displays", &display),
            ("/profiles", &profile),
            ("/phonebooks", &phonebook),
        ] {
            let (status, body) = site.send(Method::POST, path, body).await;
            assert!(status < 300, "{path}: {body}");
        }
    }
}

in_every_setting!(the_pages_of_a_list_put_together_are_the_list);

async fn the_pages_of_a_list_put_together_are_the_list(site: Site) {
    fill(&site).await;
    // The cases are drawn here and played on one site: a site for each would take most of the time.
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for _ in 0..24 {
        let asked = asked().new_tree(&mut runner).unwrap().current();
        check(&site, &asked).await;
    }
}

async fn check(site: &Site, asked: &Asked) {
    let (path, columns) = LISTS[asked.list];
    let column = columns[asked.column % columns.len()];
    let direction = if asked.descending { "desc" } else { "asc" };
    let search =
        percent_encoding::utf8_percent_encode(&asked.search, percent_encoding::NON_ALPHANUMERIC);
    let list = format!("{path}?order={column}&direction={direction}&search={search}");
    let (_, whole) = site.get(&list, &site.alice).await;
    let items = whole["items"].as_array().unwrap();
    assert_eq!(whole[counted(path)], items.len(), "{list}: {whole}");
    assert_found(items, asked, &list);
    assert_sorted(items, column, asked.descending, &list);
    let mut pages: Vec<Value> = Vec::new();
    for page in 0.. {
        let (limit, offset) = (asked.limit, page * asked.limit);
        let (_, cut) = site
            .get(
                &format!("{list}&limit={limit}&offset={offset}"),
                &site.alice,
            )
            .await;
        for count in ["total", "filtered"] {
            assert_eq!(cut[count], whole[count], "{list} from {offset}");
        }
        let cut = cut["items"].as_array().unwrap();
        assert!(cut.len() <= limit, "{list} from {offset}");
        pages.extend(cut.iter().cloned());
        if cut.is_empty() {
            break;
        }
    }
    assert_eq!(&pages, items, "{list} in pages of {}", asked.limit);
}

/// What tells how many were found: phonebooks have their total for it (O-44).
fn counted(path: &str) -> &'static str {
    match path {
        "/phonebooks" => "total",
        _ => "filtered",
    }
}

/// Every name that contains the text is there, case and accents aside, and no other.
fn assert_found(items: &[Value], asked: &Asked, list: &str) {
    let wanted = kit::fold::fold(&asked.search);
    let mut found: Vec<&str> = items
        .iter()
        .map(|item| item["name"].as_str().unwrap())
        .collect();
    found.sort_unstable();
    found.dedup();
    let csv_only = LISTS[asked.list].0.contains("csv");
    let mut expected: Vec<&str> = NAMES
        .iter()
        .enumerate()
        .filter(|(number, _)| !csv_only || number % 2 == 0)
        .map(|(_, name)| *name)
        .filter(|name| kit::fold::fold(name).contains(&wanted))
        .collect();
    expected.sort_unstable();
    assert_eq!(found, expected, "{list}");
}

/// Sorted by the folded column, then by folded name.
fn assert_sorted(items: &[Value], column: &str, descending: bool, list: &str) {
    let text = |item: &Value, column: &str| kit::fold::fold(item[column].as_str().unwrap());
    let keys: Vec<String> = items.iter().map(|item| text(item, column)).collect();
    let mut sorted = keys.clone();
    sorted.sort();
    if descending {
        sorted.reverse();
    }
    assert_eq!(keys, sorted, "{list}");
}

#[tokio::test]
async fn a_page_of_nothing_and_a_page_beyond_the_end_are_empty() {
    let site = Site::start(unchanged()).await;
    fill(&site).await;
    for (path, _) in LISTS {
        for page in [
            "limit=0",
            "offset=1000",
            "limit=99999999999999999999&offset=99999999999999999999",
        ] {
            let (status, body) = site.get(&format!("{path}?{page}"), &site.alice).await;
            assert_eq!((status, &body["items"]), (200, &json!([])), "{path}?{page}");
            assert!(
                body[counted(path)].as_u64() > Some(0),
                "{path}?{page}: {body}"
            );
        }
    }
}
