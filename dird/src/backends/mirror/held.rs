//! A mirror in memory, ready to be searched.

use std::collections::HashMap;
use std::sync::Arc;

use kit::fold::fold;
use serde_json::{Map, Value};

use super::fetch::Copied;
use crate::backends::matching::{Equality, texts};
use crate::backends::{Entry, Field, keypad, scan};
use crate::index::{SearchIndex, TableBuilder, TooLarge, separated};
use crate::store::MirrorHead;

/// How the contacts of a source are found.
pub(super) struct Rules {
    /// Columns that searches look into; without any it is all of them.
    pub(super) searched: Vec<String>,
    /// Columns that hold numbers.
    pub(super) matched: Vec<String>,
    /// How numbers are compared.
    pub(super) numbers: Equality,
    /// The column that searches are sorted by.
    pub(super) order: Option<&'static str>,
}

/// Contacts, and how they are found.
pub(super) struct Contents {
    pub(super) contacts: Vec<Copied>,
    index: SearchIndex,
    by_id: HashMap<String, Vec<u32>>,
    by_number: HashMap<String, u32>,
    /// Numbers that are written with separators, by their digits.
    by_digits: HashMap<String, u32>,
    bytes: usize,
}

/// A mirror as it stood at one version.
#[derive(Clone)]
pub(super) struct Held {
    pub(super) head: MirrorHead,
    pub(super) contents: Arc<Contents>,
}

impl Contents {
    /// Takes a while: for a thread that may block.
    pub(super) fn build(contacts: Vec<Copied>, rules: &Rules) -> Result<Self, TooLarge> {
        let index = index(&contacts, rules)?;
        let mut by_id: HashMap<String, Vec<u32>> = HashMap::new();
        let (mut by_number, mut by_digits) = (HashMap::new(), HashMap::new());
        let mut bytes = index.bytes();
        for (row, contact) in (0_u32..).zip(&contacts) {
            if let Some(id) = &contact.relations.source_entry_id {
                bytes += id.len() + 2 * size_of::<Vec<u32>>();
                by_id.entry(id.clone()).or_default().push(row);
            }
            for number in rules.matched.iter().flat_map(|name| values(contact, name)) {
                let form = rules.numbers.form(&number);
                bytes += form.len() + size_of::<(String, u32)>();
                by_number.entry(form).or_insert(row);
                if let Some(digits) = separated(&number) {
                    bytes += digits.len() + size_of::<(String, u32)>();
                    by_digits.entry(digits).or_insert(row);
                }
            }
            bytes += contact.entry().bytes() + contact.id.len();
        }
        Ok(Self {
            contacts,
            index,
            by_id,
            by_number,
            by_digits,
            bytes,
        })
    }

    /// Memory in use, in bytes, roughly.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn search(&self, term: &str, rules: &Rules) -> Vec<Entry> {
        let rows = self.index.search(term);
        let mut found: Vec<Entry> = rows.into_iter().map(|row| self.entry(row)).collect();
        if let Some(order) = rules.order {
            found.sort_by_cached_key(|entry| entry.get(order).and_then(Field::to_text));
        }
        found
    }

    pub(super) fn reverse(&self, numbers: &[String], rules: &Rules) -> HashMap<String, Entry> {
        let found = numbers.iter().filter_map(|number| {
            let row = self.by_number.get(&rules.numbers.form(number))?;
            Some((number.clone(), self.entry(*row)))
        });
        found.collect()
    }

    /// True if a search for `term` is done before anybody waits for it.
    pub(super) fn is_quick(&self, term: &str) -> bool {
        self.index.is_quick(term)
    }

    /// Contacts of which a searched column is typed with these keys of a telephone.
    pub(super) fn typed(&self, keys: &str, rules: &Rules) -> Vec<Entry> {
        let typed = self.contacts.iter().filter(|contact| {
            let mut texts = searched(contact, rules).into_iter();
            texts.any(|text| keypad::types(&text, keys))
        });
        typed.map(Copied::entry).collect()
    }

    /// The first contacts that have each word of `text` in any column.
    pub(super) fn mentioning(&self, text: &str) -> Vec<Entry> {
        let wanted = fold(text);
        let mentioned = self.contacts.iter().filter(|contact| {
            let members = contact.fields.values().chain(contact.more.values());
            let texts: Vec<String> = members.flat_map(texts).map(|text| fold(&text)).collect();
            let mut words = wanted.split_whitespace();
            words.all(|word| texts.iter().any(|text| text.contains(word)))
        });
        let mentioned = mentioned.take(scan::MENTIONED);
        mentioned.map(Copied::entry).collect()
    }

    pub(super) fn separated(&self, digits: &[String]) -> HashMap<String, Entry> {
        let found = digits.iter().filter_map(|digits| {
            let row = self.by_digits.get(digits)?;
            Some((digits.clone(), self.entry(*row)))
        });
        found.collect()
    }

    pub(super) fn list(&self, ids: &[String]) -> Vec<Entry> {
        let mut rows: Vec<u32> = ids
            .iter()
            .filter_map(|id| self.by_id.get(id))
            .flatten()
            .copied()
            .collect();
        rows.sort_unstable();
        rows.dedup();
        rows.into_iter().map(|row| self.entry(row)).collect()
    }

    fn entry(&self, row: u32) -> Entry {
        self.contacts[row as usize].entry()
    }
}

/// Every text of a column, shown or not.
fn values(contact: &Copied, column: &str) -> Vec<String> {
    let of = |members: &Map<String, Value>| members.get(column).map(texts).unwrap_or_default();
    let mut all = of(&contact.fields);
    all.extend(of(&contact.more));
    all
}

/// The texts that searches look into.
fn searched(contact: &Copied, rules: &Rules) -> Vec<String> {
    if rules.searched.is_empty() {
        return contact.fields.values().flat_map(texts).collect();
    }
    let columns = rules.searched.iter();
    columns.flat_map(|column| values(contact, column)).collect()
}

/// The index knows one text a column, contacts may have several: each text gets a column of its own.
fn index(contacts: &[Copied], rules: &Rules) -> Result<SearchIndex, TooLarge> {
    let mut names: Vec<String> = Vec::new();
    let mut builder = TableBuilder::default();
    for contact in contacts {
        let texts = searched(contact, rules);
        names.extend((names.len()..texts.len()).map(|number| number.to_string()));
        let row = names.iter().zip(&texts);
        builder.push(row.map(|(name, text)| (name.as_str(), Some(text.as_str()))))?;
    }
    SearchIndex::build(Arc::new(builder.build()), &names)
}
