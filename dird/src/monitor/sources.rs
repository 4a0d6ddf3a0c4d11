//! How the sources behind the network are, by backend: names of sources and tenants are nobody's business here.

use std::collections::BTreeMap;

use kit::metrics::{gauge, gauges};

use crate::backends::{Health, Outside, Standing};

/// The sources of one backend taken together.
#[derive(Default)]
struct Group {
    resting: bool,
    open: f64,
    /// The longest time since a source's last good answer, in seconds; sources that never answered do not count.
    answered: f64,
    stale_age: f64,
    stale_answers: f64,
    mirrors: f64,
    mirror_age: f64,
    mirrored: f64,
}

/// What is shown of a group: name, meaning and the value.
type Shown = (&'static str, &'static str, fn(&Group) -> f64);

const SHOWN: [Shown; 8] = [
    (
        "dird_source_up",
        "Whether all open sources of the backend are asked; 0 if one is left alone because it fails.",
        |group| f64::from(u8::from(!group.resting)),
    ),
    (
        "dird_source_open",
        "Sources of the backend that are open.",
        |group| group.open,
    ),
    (
        "dird_source_answer_age_seconds",
        "Longest time since the last good answer of a source.",
        |group| group.answered,
    ),
    (
        "dird_source_stale_age_seconds",
        "Age of the oldest copy that a source gave to its last question in place of an answer.",
        |group| group.stale_age,
    ),
    (
        "dird_source_stale_answers",
        "Copies that open sources gave in place of an answer.",
        |group| group.stale_answers,
    ),
    (
        "dird_source_mirrors",
        "Sources that answer from a mirror.",
        |group| group.mirrors,
    ),
    (
        "dird_source_mirror_age_seconds",
        "Longest time since a mirror was known to be like its remote directory.",
        |group| group.mirror_age,
    ),
    (
        "dird_source_mirrored_contacts",
        "Contacts in mirrors.",
        |group| group.mirrored,
    ),
];

/// Appends the health of sources, and what is kept for them.
pub(super) fn render(health: &[(String, Health)], outside: &Outside, text: &mut String) {
    let groups = grouped(health);
    for (name, help, value) in SHOWN {
        let values = groups
            .iter()
            .map(|(backend, group)| ((*backend).to_owned(), value(group)));
        gauges(text, name, help, "backend", values);
    }
    let (count, bytes) = outside.kept();
    let help = "Answers of sources that are kept.";
    gauge(text, "dird_source_kept_answers", help, count);
    gauge(
        text,
        "dird_source_kept_bytes",
        "Memory that they take.",
        bytes,
    );
}

fn grouped(health: &[(String, Health)]) -> BTreeMap<&str, Group> {
    let mut groups: BTreeMap<&str, Group> = BTreeMap::new();
    for (backend, health) in health {
        let group = groups.entry(backend).or_default();
        group.open += 1.0;
        group.resting |= health.standing == Standing::Resting;
        let seconds = |age: Option<std::time::Duration>| age.unwrap_or_default().as_secs_f64();
        group.answered = group.answered.max(seconds(health.answered));
        group.stale_age = group.stale_age.max(seconds(health.stale));
        // Exact up to 2^53.
        #[expect(
            clippy::cast_precision_loss,
            reason = "nobody counts that many answers"
        )]
        let stale_answers = health.stale_answers as f64;
        group.stale_answers += stale_answers;
        if let Some(mirror) = &health.mirror {
            group.mirrors += 1.0;
            group.mirror_age = group.mirror_age.max(mirror.age.as_secs_f64());
            group.mirrored += f64::from(u32::try_from(mirror.contacts).unwrap_or(u32::MAX));
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio_util::sync::CancellationToken;

    use super::*;

    #[test]
    fn sources_are_told_by_backend_and_the_worst_of_them_counts() {
        let well = Health {
            standing: Standing::Asked,
            answered: Some(Duration::from_secs(2)),
            error: None,
            stale: None,
            copy: None,
            stale_answers: 1,
            mirror: None,
        };
        let resting = Health {
            standing: Standing::Resting,
            answered: Some(Duration::from_secs(90)),
            stale: Some(Duration::from_secs(90)),
            stale_answers: 4,
            ..well.clone()
        };
        let health = [
            ("ldap".to_owned(), well.clone()),
            ("csv_ws".to_owned(), well),
            ("ldap".to_owned(), resting),
        ];
        let mut text = String::new();
        render(&health, &Outside::new(CancellationToken::new()), &mut text);
        for line in [
            "dird_source_up{backend=\"csv_ws\"} 1",
            "dird_source_up{backend=\"ldap\"} 0",
            "dird_source_open{backend=\"ldap\"} 2",
            "dird_source_answer_age_seconds{backend=\"ldap\"} 90",
            "dird_source_stale_age_seconds{backend=\"csv_ws\"} 0",
            "dird_source_stale_age_seconds{backend=\"ldap\"} 90",
            "dird_source_stale_answers{backend=\"ldap\"} 5",
            "dird_source_mirrors{backend=\"ldap\"} 0",
            "dird_source_kept_answers 0",
        ] {
            assert!(text.lines().any(|shown| shown == line), "{line} in {text}");
        }
    }
}
