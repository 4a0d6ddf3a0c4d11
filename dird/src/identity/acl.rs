//! Matching of access patterns (dird-platform.md §3.3).

/// The access patterns of a token, split once when the token is read.
#[derive(Debug, Clone, Default)]
pub struct Acl {
    refused: Vec<String>,
    allowed: Vec<String>,
}

/// Whose token it is, for the words `me` and `my_session`.
#[derive(Debug, Clone, Copy)]
pub struct Owner<'a> {
    /// The token's `auth_id`.
    pub auth_id: &'a str,
    /// The token's `session_uuid`.
    pub session: &'a str,
}

impl Acl {
    /// Reads patterns; those that start with `!` refuse.
    pub fn new(patterns: impl IntoIterator<Item = String>) -> Self {
        let mut acl = Self::default();
        for pattern in patterns {
            match pattern.strip_prefix('!') {
                Some(refused) => acl.refused.push(refused.to_owned()),
                None => acl.allowed.push(pattern),
            }
        }
        acl
    }

    /// True when a pattern allows `access` and none refuses it. No access asked: any valid token will do.
    pub fn allows(&self, access: &str, owner: Owner<'_>) -> bool {
        if access.is_empty() {
            return true;
        }
        let matched = |patterns: &[String]| {
            patterns
                .iter()
                .any(|pattern| pattern_matches(pattern, access, owner))
        };
        !matched(&self.refused) && matched(&self.allowed)
    }
}

fn pattern_matches(pattern: &str, access: &str, owner: Owner<'_>) -> bool {
    let mut wanted = Vec::new();
    for word in pattern.split('.') {
        match word {
            "me" => wanted.push(vec!["me", owner.auth_id]),
            "my_session" => wanted.push(vec!["my_session", owner.session]),
            "edit" => wanted.push(vec!["edit", "update"]),
            other => wanted.push(vec![other]),
        }
    }
    any_choice(&wanted, &mut Vec::new(), access)
}

/// Tries every choice of words; a pattern holds at most a few special ones.
fn any_choice<'a>(words: &[Vec<&'a str>], chosen: &mut Vec<&'a str>, access: &str) -> bool {
    let Some((choices, rest)) = words.split_first() else {
        return glob(chosen.join(".").as_bytes(), access.as_bytes());
    };
    choices.iter().any(|choice| {
        chosen.push(choice);
        let found = any_choice(rest, chosen, access);
        chosen.pop();
        found
    })
}

/// Anchored match: `*` is any run without `.` and `#`, `#` any run at all. Walks the set of reachable positions, so that a
/// hostile pattern costs at most the product of the lengths.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let mut reachable = vec![false; text.len() + 1];
    reachable[0] = true;
    for &symbol in pattern {
        let mut next = vec![false; text.len() + 1];
        for position in 0..=text.len() {
            let stays = matches!(symbol, b'*' | b'#') && reachable[position];
            let moves = position > 0
                && match symbol {
                    b'#' => next[position - 1],
                    b'*' => next[position - 1] && !matches!(text[position - 1], b'.' | b'#'),
                    literal => reachable[position - 1] && text[position - 1] == literal,
                };
            next[position] = stays || moves;
        }
        reachable = next;
    }
    reachable[text.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: Owner<'_> = Owner {
        auth_id: "a-user",
        session: "a-session",
    };

    fn allows(patterns: &[&str], access: &str) -> bool {
        Acl::new(patterns.iter().map(|&text| text.to_owned())).allows(access, OWNER)
    }

    #[test]
    fn a_star_stays_within_a_word_and_a_hash_crosses_dots() {
        assert!(allows(&["dird.*.read"], "dird.status.read"));
        assert!(!allows(&["dird.*.read"], "dird.a.b.read"));
        assert!(allows(&["dird.#.read"], "dird.a.b.read"));
        assert!(allows(&["dird.fo*ar.read"], "dird.foobar.read"));
        assert!(!allows(&["dird.*"], "dird.a#b"));
        assert!(allows(&["#"], "anything.at.all"));
        assert!(!allows(&[], "dird.status.read"));
    }

    #[test]
    fn matching_is_anchored_and_literal_otherwise() {
        assert!(!allows(&["dird.status"], "dird.status.read"));
        assert!(!allows(&["status.read"], "dird.status.read"));
        assert!(!allows(&["dird.status.READ"], "dird.status.read"));
        assert!(!allows(&["dird.statu..read"], "dird.status.read"));
        assert!(!allows(&["dird.[a-z]+.read"], "dird.status.read"));
    }

    #[test]
    fn a_negative_pattern_wins_whatever_the_order() {
        assert!(!allows(&["dird.#", "!dird.config.*"], "dird.config.read"));
        assert!(!allows(&["!dird.config.*", "dird.#"], "dird.config.read"));
        assert!(allows(&["!dird.config.*", "dird.#"], "dird.status.read"));
    }

    #[test]
    fn special_words_stand_for_the_owner() {
        assert!(allows(&["dird.me.read"], "dird.a-user.read"));
        assert!(allows(&["dird.me.read"], "dird.me.read"));
        assert!(!allows(&["dird.me.read"], "dird.b-user.read"));
        assert!(!allows(&["dird.mean.read"], "dird.a-useran.read"));
        assert!(allows(&["dird.my_session.delete"], "dird.a-session.delete"));
        assert!(allows(&["dird.x.edit"], "dird.x.update"));
    }

    #[test]
    fn no_access_asked_needs_no_pattern() {
        assert!(allows(&[], ""));
    }
}
