//! Access patterns against a model that is too simple to be wrong: one that tries every way.

use dird::identity::{Acl, Owner};
use proptest::prelude::*;

const OWNER: Owner<'_> = Owner {
    auth_id: "ann",
    session: "s.1",
};

/// `*` is any run without `.` and `#`, `#` any run; everything else is itself.
fn matches(pattern: &[char], text: &[char]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some((&wild @ ('*' | '#'), rest)) => (0..=text.len()).any(|taken| {
            let run = &text[..taken];
            (wild == '#' || !run.iter().any(|letter| ".#".contains(*letter)))
                && matches(rest, &text[taken..])
        }),
        Some((letter, rest)) => text.first() == Some(letter) && matches(rest, &text[1..]),
    }
}

/// Every text that the special words of `pattern` may stand for.
fn readings(pattern: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    for (position, word) in pattern.split('.').enumerate() {
        let choices = match word {
            "me" => vec!["me", OWNER.auth_id],
            "my_session" => vec!["my_session", OWNER.session],
            "edit" => vec!["edit", "update"],
            other => vec![other],
        };
        let dot = if position == 0 { "" } else { "." };
        all = all
            .iter()
            .flat_map(|start| {
                choices
                    .iter()
                    .map(move |word| format!("{start}{dot}{word}"))
            })
            .collect();
    }
    all
}

fn model(patterns: &[String], access: &str) -> bool {
    let letters = |text: &str| text.chars().collect::<Vec<_>>();
    let any = |pattern: &str| {
        readings(pattern)
            .iter()
            .any(|reading| matches(&letters(reading), &letters(access)))
    };
    let refused = patterns
        .iter()
        .filter_map(|text| text.strip_prefix('!'))
        .any(any);
    let allowed = patterns
        .iter()
        .filter(|text| !text.starts_with('!'))
        .any(|text| any(text));
    access.is_empty() || (!refused && allowed)
}

fn dotted(words: &'static [&'static str]) -> impl Strategy<Value = String> {
    let word = proptest::sample::select(words);
    proptest::collection::vec(word, 1..5).prop_map(|words| words.join("."))
}

fn pattern() -> impl Strategy<Value = String> {
    let words = &[
        "a",
        "é",
        "*",
        "#",
        "a*",
        "*b",
        "a#b",
        "me",
        "my_session",
        "edit",
        "[a-z]+",
        "",
        "mean",
    ];
    (proptest::bool::weighted(0.2), dotted(words))
        .prop_map(|(refuses, text)| if refuses { format!("!{text}") } else { text })
}

fn access() -> impl Strategy<Value = String> {
    let words = &[
        "a",
        "b",
        "ab",
        "é",
        "aéb",
        "a#b",
        "#",
        "me",
        "ann",
        "my_session",
        "s",
        "1",
        "edit",
        "update",
        "",
    ];
    dotted(words)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn patterns_decide_as_the_model_does(
        patterns in proptest::collection::vec(pattern(), 0..4),
        access in access(),
    ) {
        let decided = Acl::new(patterns.clone()).allows(&access, OWNER);
        prop_assert_eq!(decided, model(&patterns, &access));
    }
}
