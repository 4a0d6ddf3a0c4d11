//! What the address of a phone is signed for, and the address with its signature (phoned.md §20.12): for `phoned sign-url`, whose
//! addresses hold words that only phones replace, so that they are taken as text.

use ipnet::IpNet;

use crate::{
    directory::link::encoded,
    gate::signature::{Claim, PARAMETER, Signer},
    query::{Query, segment},
};

/// Where the paths of all routes begin.
const ROOT: &str = "/0.1/";

/// `address` with its signature by `signer`, good in `subnet` only if one is given; `None` when no phone asks for such an address, or
/// when it names no user.
pub fn sign(signer: &Signer, address: &str, subnet: Option<IpNet>) -> Option<String> {
    let path = &address[address.find(ROOT)?..];
    let (target, fragment) = match address.find('#') {
        Some(at) => address.split_at(at),
        None => (address, ""),
    };
    let path = path.split(['?', '#']).next()?;
    let (before, query) = target.split_once('?').unwrap_or((target, ""));
    let word = |index| segment(path, index);
    let (vendor, profile, user) = match (&*word(2), &*word(3)) {
        ("directories", _) => (word(5), word(4), word(6)),
        (_, "directories") => (word(2), word(5), word(6)),
        (_, "users") if word(5) == "services" => (word(2), String::new(), word(4)),
        _ => return None,
    };
    let query_user = Query::parse(query).get("xivo_user_uuid").map(str::to_owned);
    let user = query_user.unwrap_or(user);
    if vendor.is_empty() || user.is_empty() {
        return None;
    }
    let claim = Claim {
        vendor: &vendor,
        profile: &profile,
        user: &user,
    };
    let signature = signer.sign(claim, subnet);
    let and = if query.is_empty() { "" } else { "&" };
    // In front, because what phones fill in stands at the end.
    let signature = encoded(&signature);
    Some(format!(
        "{before}?{PARAMETER}={signature}{and}{query}{fragment}"
    ))
}
