//! Files of contacts: how fast they are imported into a phonebook, beside the same contacts sent one by one, and what memory that
//! takes. The last phonebook that is filled is the one whose lists are measured.

use std::fmt::Write;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use e2e::site::Site;
use e2e::wire;
use serde_json::json;

/// The site that has imports.
pub(crate) const SITE: u32 = 100_000;
/// Contacts of the files.
const FILES: [usize; 2] = [10_000, 100_000];
/// Contacts that are sent one by one.
const SINGLE: usize = 500;

/// One imported file.
pub(crate) struct Imported {
    /// Contacts in it.
    pub contacts: usize,
    /// Its length.
    pub bytes: usize,
    /// From the first byte of the request to the last of the answer.
    pub took: Duration,
    /// Contacts a second when each is a request, over one connection.
    pub singly: f64,
    /// How much dird's memory grew at most, in kibibytes.
    pub growth_kib: u64,
}

/// The phonebook that was filled last.
pub(crate) struct Book {
    /// Its path.
    pub path: String,
    /// A token with every access to it.
    pub token: String,
    /// What was measured.
    pub imported: Vec<Imported>,
}

/// Fills phonebooks of the master tenant.
pub(crate) async fn measure(site: &Site) -> Result<Book> {
    let made = site.plan.dird(&["key", "create", "imports", "--acl", "#"]);
    let token = made.await?.output.trim().to_owned();
    let mut book = Book {
        path: String::new(),
        imported: Vec::new(),
        token,
    };
    for contacts in FILES {
        eprintln!("  import of {contacts} contacts …");
        let name = format!("imported {contacts}");
        let body = json!({"name": name}).to_string();
        let made = post(
            site,
            &book.token,
            "/0.1/phonebooks",
            "application/json",
            &body,
        )
        .await?;
        let uuid = made["uuid"].as_str().context("a phonebook without uuid")?;
        book.path = format!("/0.1/phonebooks/{uuid}/contacts");
        let singly = one_by_one(site, &book).await?;
        let imported = import(site, &book, contacts, singly).await?;
        book.imported.push(imported);
    }
    Ok(book)
}

async fn one_by_one(site: &Site, book: &Book) -> Result<f64> {
    let started = Instant::now();
    for number in 0..SINGLE {
        let body = json!({"firstname": "Single", "lastname": "One", "number": number.to_string()});
        post(
            site,
            &book.token,
            &book.path,
            "application/json",
            &body.to_string(),
        )
        .await?;
    }
    Ok(f64::from(u32::try_from(SINGLE)?) / started.elapsed().as_secs_f64())
}

async fn import(site: &Site, book: &Book, contacts: usize, singly: f64) -> Result<Imported> {
    let mut file = String::from("firstname,lastname,number,mobile,email,company\n");
    for number in 0..contacts {
        writeln!(
            file,
            "First{number},Last{},+1555{number:07},+4470{number:08},person{number}@example.org,Papier G\u{f6}teborg",
            number % 997
        )?;
    }
    site.dird.forget_peak()?;
    let before = site.dird.resident_kib()?;
    let path = format!("{}/import", book.path);
    let started = Instant::now();
    let answer = post(site, &book.token, &path, "text/csv; charset=utf-8", &file).await?;
    let took = started.elapsed();
    let created = answer["created"].as_array().map_or(0, Vec::len);
    ensure!(
        created == contacts,
        "{created} of {contacts} contacts were created"
    );
    Ok(Imported {
        contacts,
        bytes: file.len(),
        took,
        singly,
        growth_kib: site.dird.peak_kib()?.saturating_sub(before),
    })
}

async fn post(
    site: &Site,
    token: &str,
    path: &str,
    kind: &str,
    body: &str,
) -> Result<serde_json::Value> {
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nX-Auth-Token: {token}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = wire::exchange(site.rest()?, None, request.as_bytes()).await?;
    ensure!(answer.status == 201, "{path} answers {}", answer.status);
    answer.json()
}
