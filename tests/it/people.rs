//! The people of the demo site, read from its files independently of dird, and the rows a phone shows of them.

use anyhow::{Context, Result};
use e2e::binaries::repository;

/// One line of a demo file.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub name: String,
    pub number: String,
    pub mobile: String,
    pub company: String,
}

/// Everybody in `config/demo/{file}`, in file order.
pub(crate) fn everybody(file: &str) -> Result<Vec<Person>> {
    let mut reader = csv::Reader::from_path(repository().join("config/demo").join(file))?;
    let headers = reader.headers()?.clone();
    let column = |name: &str| {
        headers
            .iter()
            .position(|header| header == name)
            .with_context(|| format!("no column {name} in {file}"))
    };
    let [first, last, number, mobile, company] = [
        column("firstname")?,
        column("lastname")?,
        column("number")?,
        column("mobile")?,
        column("company")?,
    ];
    let mut people = Vec::new();
    for record in reader.records() {
        let record = record?;
        people.push(Person {
            name: format!("{} {}", &record[first], &record[last]),
            number: record[number].to_owned(),
            mobile: record[mobile].to_owned(),
            company: record[company].to_owned(),
        });
    }
    Ok(people)
}

/// What a phone shows of them, sorted by code points (phoned.md §9.1, §9.2).
pub(crate) fn rows(people: &[Person]) -> Vec<(String, String)> {
    let mut rows = Vec::new();
    for Person {
        name,
        number,
        mobile,
        ..
    } in people
    {
        if !number.is_empty() {
            rows.push((name.clone(), dialled(number)));
        }
        if !mobile.is_empty() {
            let suffix = if number.is_empty() { "" } else { " (mobile)" };
            rows.push((format!("{name}{suffix}"), dialled(mobile)));
        }
    }
    rows.sort();
    rows
}

/// A number as it is dialled: `+33 (0)1 …` becomes `00331…`, else digits and the plus stay.
fn dialled(number: &str) -> String {
    let kept = |text: &str| {
        text.chars()
            .filter(char::is_ascii_digit)
            .collect::<String>()
    };
    match (
        number.strip_prefix('+'),
        number.split_once('('),
        number.split_once(')'),
    ) {
        (Some(_), Some((before, _)), Some((_, after))) => {
            format!("00{}{}", kept(before), kept(after))
        }
        (Some(rest), ..) => format!("+{}", kept(rest)),
        (None, ..) => kept(number),
    }
}
