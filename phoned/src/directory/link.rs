//! Addresses inside phone documents (phoned.md §9.4): the path of the request with its step replaced, every value
//! percent-encoded (D2, D18), in the form of the request.

use std::fmt::Write;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::vendor::manifest::{Form, Step, UserPlace};

/// Everything but the unreserved characters.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// `text` as a value inside an address.
pub fn encoded(text: &str) -> percent_encoding::PercentEncode<'_> {
    utf8_percent_encode(text, RESERVED)
}

/// What all addresses of one document have in common.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// Scheme and authority, or `rest_api.public_url`; no slash at the end.
    pub base: &'a str,
    /// Form of the request.
    pub form: Form,
    /// Make, by the word in addresses.
    pub vendor: &'a str,
    /// Profile of the request, decoded.
    pub profile: &'a str,
    /// User of the request, decoded.
    pub user: &'a str,
    /// Where the make's addresses name the user.
    pub user_place: UserPlace,
    /// A name that the make's addresses end in.
    pub file: Option<&'a str>,
    /// The `lang` parameter, if it was understood.
    pub lang: Option<&'a str>,
    /// The signature of the request's link, if signatures are looked at.
    pub signature: Option<&'a str>,
}

/// A page of results that a link leads to.
#[derive(Debug, Clone, Copy)]
pub struct PageLink<'a> {
    /// The search text.
    pub term: &'a str,
    /// Rows of a page.
    pub limit: usize,
    /// First row.
    pub offset: usize,
}

impl Place<'_> {
    /// Address of `step` without parameters.
    pub fn action(&self, step: Step) -> String {
        let (base, vendor, profile) = (self.base, self.vendor, encoded(self.profile));
        let mut address = match self.form {
            Form::Old => format!("{base}/0.1/directories/{step}/{profile}/{vendor}"),
            Form::New => format!("{base}/0.1/{vendor}/directories/{step}/{profile}"),
        };
        if self.user_place == UserPlace::Path {
            push(&mut address, '/', "", self.user);
        }
        if let Some(file) = self.file {
            push(&mut address, '/', "", file);
        }
        address
    }

    /// Address of `step` for the user.
    pub fn step(&self, step: Step) -> String {
        let mut address = self.action(step);
        let mut separator = '?';
        if self.user_place == UserPlace::Query {
            push(&mut address, separator, "xivo_user_uuid=", self.user);
            separator = '&';
        }
        for (name, value) in self.carried() {
            push(&mut address, separator, name, value);
            separator = '&';
        }
        address
    }

    /// Address of a page of results: `xivo_user_uuid`, `term`, `limit`, `offset`, in this order.
    pub fn page(&self, page: PageLink<'_>) -> String {
        let mut address = self.action(Step::Lookup);
        let mut separator = '?';
        if self.user_place == UserPlace::Query {
            push(&mut address, separator, "xivo_user_uuid=", self.user);
            separator = '&';
        }
        push(&mut address, separator, "term=", page.term);
        push(&mut address, '&', "limit=", &page.limit.to_string());
        push(&mut address, '&', "offset=", &page.offset.to_string());
        for (name, value) in self.carried() {
            push(&mut address, '&', name, value);
        }
        address
    }

    /// The parameters that every link has if the request has them.
    fn carried(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let carried = [("lang=", self.lang), ("sig=", self.signature)];
        carried
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
    }
}

fn push(address: &mut String, separator: char, name: &str, value: &str) {
    // Writing to a string cannot fail.
    let _ = write!(address, "{separator}{name}{}", encoded(value));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn place<'a>(base: &'a str, form: Form, profile: &'a str) -> Place<'a> {
        Place {
            base,
            form,
            vendor: "cisco",
            profile,
            user: "u",
            user_place: UserPlace::Query,
            file: None,
            lang: None,
            signature: None,
        }
    }

    #[test]
    fn a_host_that_is_named_like_a_step_stays_itself() {
        for (base, profile) in [
            ("http://menu.example", "menu"),
            ("http://input.example", "input"),
            ("http://lookup", "lookup"),
        ] {
            let old = place(base, Form::Old, profile).step(Step::Input);
            assert_eq!(
                old,
                format!("{base}/0.1/directories/input/{profile}/cisco?xivo_user_uuid=u")
            );
            let new = place(base, Form::New, profile).step(Step::Lookup);
            assert_eq!(
                new,
                format!("{base}/0.1/cisco/directories/lookup/{profile}?xivo_user_uuid=u")
            );
        }
    }

    #[test]
    fn values_are_percent_encoded() {
        let place = Place {
            lang: Some("pt_BR"),
            signature: Some("s~10.0.0.0/8"),
            ..place("http://h:1", Form::Old, "p&q/é")
        };
        let link = place.page(PageLink {
            term: "a&b c#d+é",
            limit: 1,
            offset: 2,
        });
        let expected = "http://h:1/0.1/directories/lookup/p%26q%2F%C3%A9/cisco\
            ?xivo_user_uuid=u&term=a%26b%20c%23d%2B%C3%A9&limit=1&offset=2&lang=pt_BR&sig=s~10.0.0.0%2F8";
        assert_eq!(link, expected);
    }

    #[test]
    fn a_make_may_name_the_user_in_the_path() {
        let place = Place {
            user_place: UserPlace::Path,
            ..place("http://h", Form::New, "p")
        };
        assert_eq!(
            place.step(Step::Lookup),
            "http://h/0.1/cisco/directories/lookup/p/u"
        );
    }

    proptest! {
        #[test]
        fn a_term_comes_back_from_its_link_as_it_was(term in "\\PC{0,20}") {
            let link = place("http://h", Form::Old, "p").page(PageLink { term: &term, limit: 1, offset: 0 });
            let query = link.split_once('?').expect("a query").1;
            let query = crate::query::Query::parse(query);
            prop_assert_eq!(query.get("term"), Some(term.as_str()));
        }
    }
}
