//! The `auth` and `confd` members of sources that ask services of a platform (dird-backends.md §1.6).

use serde_json::{Map, Value as Json, json};

use crate::schema::{Absent, Field, Kind, Length, Range, Schema, Unknown};

const HOST: Field = Field::optional(
    "host",
    Kind::Text(Length::between(1, 1024)),
    "name or address",
)
.or(|| json!("localhost"));
const PORT: Field =
    Field::optional("port", Kind::Integer { min: 1, max: 65535 }, "port").or(|| json!(443));
const HTTPS: Field =
    Field::optional("https", Kind::Boolean, "whether it speaks TLS").or(|| json!(true));
const VERIFY: Field = Field::optional(
    "verify_certificate",
    Kind::Certificate,
    "whether, or by which CA file, its certificate is verified",
)
.or(|| json!(true));
const PREFIX: Field =
    Field::optional("prefix", Kind::Text(Length::ANY), "path before the version").or_null();
const VERSION: Field = Field::optional(
    "version",
    Kind::Text(Length::between(1, 16)),
    "version in paths",
);
const TIMEOUT: Field = Field::optional(
    "timeout",
    Kind::Number(Range::UpTo(3660)),
    "seconds for an answer",
);

static PLAIN_AUTH: Schema = Schema::new(&[
    HOST,
    PORT,
    HTTPS,
    VERIFY,
    PREFIX.or(|| json!("/api/auth")),
    VERSION.or(|| json!("0.1")),
    TIMEOUT,
]);

static AUTH_AND_CREDENTIALS: Schema = Schema {
    fields: &[
        HOST,
        PORT,
        HTTPS,
        VERIFY,
        PREFIX.or(|| json!("/api/auth")),
        VERSION.or(|| json!("0.1")),
        TIMEOUT,
        Field::optional(
            "key_file",
            Kind::Text(Length::between(1, 1024)),
            "file with the credentials",
        )
        .or_null(),
        Field::optional(
            "username",
            Kind::Text(Length::between(1, 512)),
            "name to log in with",
        )
        .or_null(),
        Field::optional(
            "password",
            Kind::Text(Length::between(1, 512)),
            "password to log in with",
        )
        .or_null(),
    ],
    unknown: Unknown::Drop,
    rule: Some(one_kind_of_credentials),
};

static PLAIN_CONFD: Schema = Schema::new(&[
    HOST,
    PORT,
    HTTPS,
    VERIFY,
    PREFIX.or(|| json!("/api/confd")),
    VERSION.or(|| json!("1.1")),
    TIMEOUT,
]);

/// The auth service, asked with the caller's own token.
pub(in crate::backends) const AUTH: Field = checked("auth", &PLAIN_AUTH, "the auth service");

/// The auth service, with credentials of the source's own.
pub(in crate::backends) const AUTH_WITH_CREDENTIALS: Field = checked(
    "auth",
    &AUTH_AND_CREDENTIALS,
    "the auth service and credentials for it",
);

/// The configuration service.
pub(in crate::backends) const CONFD: Field =
    checked("confd", &PLAIN_CONFD, "the configuration service");

static KEPT: Schema = Schema::new(&[
    Field::required(
        "ttl",
        Kind::Number(Range::UpTo(86_400)),
        "seconds that an answer is given again without asking",
    ),
    Field::optional(
        "stale_if_error",
        Kind::Number(Range::UpTo(604_800)),
        "seconds after these that it is still given when the remote fails",
    )
    .or(|| json!(0.0)),
]);

/// Whether answers are kept. Nothing is unless the source says so.
pub(in crate::backends) const CACHE: Field = Field::optional(
    "cache",
    Kind::Object(&KEPT),
    "keeps answers; without it every one is live",
);

static SYNC_SETTINGS: Schema = Schema::new(&[Field::required(
    "interval",
    Kind::Integer {
        min: 1,
        max: 604_800,
    },
    "seconds between two fetches of the whole directory, or of what has changed in it",
)]);

/// Whether the directory is mirrored. It is not unless the source says so.
pub(in crate::backends) const SYNC: Field = Field::optional(
    "sync",
    Kind::Object(&SYNC_SETTINGS),
    "mirrors the directory; without it the remote is asked",
);

/// A member that is checked also when it is left out.
const fn checked(name: &'static str, schema: &'static Schema, about: &'static str) -> Field {
    let mut field = Field::optional(name, Kind::Object(schema), about);
    field.absent = Absent::CheckedDefault(|| json!({}));
    field
}

fn one_kind_of_credentials(auth: &Map<String, Json>) -> Option<&'static str> {
    let given = |name: &str| {
        auth.get(name)
            .and_then(Json::as_str)
            .is_some_and(|text| !text.is_empty())
    };
    (given("key_file") == given("username"))
        .then_some("a \"key_file\" or a \"username\" and \"password\" must be specified")
}
