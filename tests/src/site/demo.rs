//! Who and what is in the demo site.

use anyhow::{Context, Result, ensure};

/// What `dird demo` loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Demo {
    /// (tenant, user) UUIDs in the order printed.
    pub people: Vec<(String, String)>,
    /// An entry of the directory of door stations, if there is one.
    pub entry: Option<String>,
}

impl Demo {
    /// Reads what `dird demo` prints: lines that start with `tenant`, `user` or `entry` and hold a UUID.
    pub fn parse(output: &str) -> Result<Self> {
        let mut demo = Self::default();
        let mut tenant = None;
        for line in output.lines() {
            let mut words = line.split_whitespace();
            let first = words
                .next()
                .map(str::to_ascii_lowercase)
                .unwrap_or_default();
            let Some(uuid) = words.find(|word| is_uuid(word)) else {
                continue;
            };
            if first.starts_with("tenant") {
                tenant = Some(uuid.to_owned());
            } else if first == "entry" {
                demo.entry = Some(uuid.to_owned());
            } else if first.starts_with("user") {
                let tenant = tenant.clone().context("a user before any tenant")?;
                demo.people.push((tenant, uuid.to_owned()));
            }
        }
        ensure!(
            demo.people.len() >= 2,
            "`dird demo` names fewer than two users:\n{output}"
        );
        Ok(demo)
    }
}

fn is_uuid(word: &str) -> bool {
    word.len() == 36
        && word.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_users_of_the_demo_are_read_with_their_tenants() {
        let output = "tenant  One  00000000-0000-4000-8000-000000000001\nuser a 00000000-0000-4000-8000-00000000000a\n\
                      tenant  Two  00000000-0000-4000-8000-000000000002\nuser b 00000000-0000-4000-8000-00000000000b\n\
                      profile default\n";
        let demo = Demo::parse(output).unwrap();
        assert_eq!(demo.people[1].0, "00000000-0000-4000-8000-000000000002");
        assert_eq!(demo.people[1].1, "00000000-0000-4000-8000-00000000000b");
        assert!(Demo::parse("profile default\n").is_err());
    }
}
