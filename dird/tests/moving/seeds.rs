//! What the old database holds: tenants that are alike but for their names and numbers, and some rows that are odd.

use std::fmt::Write;

use e2e::postgres::Cluster;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// Sources of a tenant: two files, a directory, two phonebooks, the users' own contacts.
pub(crate) const SOURCES: usize = 5;

/// How much there is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seeds {
    /// Tenants.
    pub(crate) tenants: usize,
    /// Contacts of each of a tenant's two phonebooks.
    pub(crate) contacts: usize,
    /// Contacts that each of a tenant's two users keeps.
    pub(crate) own: usize,
}

/// A contact: its identifier and fields, as routes show them.
pub(crate) struct Seed {
    pub(crate) id: String,
    pub(crate) fields: Vec<(&'static str, String)>,
}

impl Seed {
    fn new(id: String, place: &str, number: usize) -> Self {
        let fields = vec![
            ("number", format!("0{place}{number:06}")),
            ("lastname", format!("L{}", number % 50)),
            ("firstname", format!("F{number} Zo\u{eb} {place}")),
        ];
        Self { id, fields }
    }

    pub(crate) fn shown(&self) -> Value {
        let mut shown = json!({"id": self.id});
        for (name, value) in &self.fields {
            shown[*name] = value.as_str().into();
        }
        shown
    }

    pub(crate) fn is_called(&self, lastname: &str) -> bool {
        self.fields[1].1 == lastname
    }

    /// What the profile's display shows of it.
    pub(crate) fn row(&self) -> [String; 2] {
        let [number, lastname, firstname] = [0, 1, 2].map(|field| self.fields[field].1.clone());
        [format!("{firstname} {lastname}"), number]
    }
}

/// An identifier: the kind of object, its tenant and its number there.
pub(crate) fn id(kind: u32, tenant: usize, number: usize) -> String {
    format!("{tenant:08x}-{kind:04x}-4000-8000-{number:012x}")
}

pub(crate) fn tenant(tenant: usize) -> String {
    id(1, tenant, 0)
}

pub(crate) fn user(tenant: usize, number: usize) -> String {
    id(2, tenant, number)
}

pub(crate) fn phonebook(tenant: usize, number: usize) -> String {
    id(3, tenant, number)
}

/// The sources over the two phonebooks are 0 and 1; 2 is the personal one, 3 a file, 4 a directory.
pub(crate) fn source(tenant: usize, number: usize) -> String {
    id(4, tenant, number)
}

pub(crate) fn display(tenant: usize) -> String {
    id(5, tenant, 0)
}

pub(crate) fn profile(tenant: usize) -> String {
    id(6, tenant, 0)
}

/// The number by which deprecated routes know a phonebook.
pub(crate) fn number(tenant: usize, book: usize) -> usize {
    100 + 2 * tenant + book
}

impl Seeds {
    /// The contacts of a phonebook, in the order in which they were made.
    pub(crate) fn in_phonebook(self, tenant: usize, book: usize) -> Vec<Seed> {
        let place = format!("{tenant:03}{book}");
        let seed = |number: usize| {
            // Not in the order of their identifiers.
            let id = id(7, tenant, (book + 1) * 1_000_000 - number);
            Seed::new(id, &place, number)
        };
        (0..self.contacts).map(seed).collect()
    }

    /// The contacts that a user keeps; users may give them identifiers of their own making.
    pub(crate) fn of_user(self, tenant: usize, user: usize) -> Vec<Seed> {
        let place = format!("{tenant:03}{}", user + 5);
        let seed = |number: usize| {
            let id = format!("own {tenant}/{user} {}", self.own - number);
            Seed::new(id, &place, number)
        };
        (0..self.own).map(seed).collect()
    }

    /// A new database that holds all of it; its address.
    pub(crate) async fn database(self) -> String {
        let made = tokio::task::spawn_blocking(|| Cluster::shared().database());
        let uri = made.await.unwrap().unwrap();
        let mut connection = PgConnection::connect(&uri).await.unwrap();
        let schema = include_str!("schema.sql");
        sqlx::raw_sql(schema)
            .execute(&mut connection)
            .await
            .unwrap();
        for tenant in 0..self.tenants {
            run(&mut connection, Self::configured(tenant)).await;
            for book in 0..2 {
                let owner = format!("NULL, '{}'", phonebook(tenant, book));
                contacts(
                    &mut connection,
                    &owner,
                    true,
                    &self.in_phonebook(tenant, book),
                )
                .await;
            }
            for number in 0..2 {
                let owner = format!("'{}', NULL", user(tenant, number));
                contacts(
                    &mut connection,
                    &owner,
                    false,
                    &self.of_user(tenant, number),
                )
                .await;
            }
        }
        run(&mut connection, self.favorites()).await;
        run(&mut connection, ODDITIES.to_owned()).await;
        connection.close().await.unwrap();
        uri
    }

    /// Everything of a tenant but contacts and favourites.
    fn configured(t: usize) -> String {
        let (tenant, display, profile) = (tenant(t), display(t), profile(t));
        let mut sql = format!("INSERT INTO dird_tenant VALUES ('{tenant}', ");
        sql += if t.is_multiple_of(2) {
            "'FR');"
        } else {
            "NULL);"
        };
        for number in 0..2 {
            let (user, book) = (user(t, number), phonebook(t, number));
            let name = ["staff", "\u{c9}quipe"][number];
            write!(
                sql,
                "INSERT INTO dird_user VALUES ('{user}', '{tenant}');
                 INSERT INTO dird_phonebook VALUES ('{book}', {}, '{name}', NULLIF('{number}', '0'), '{tenant}');
                 INSERT INTO dird_source VALUES ('{}', uuid_generate_v4(), '{tenant}', '{{lastname}}', '{{number}}',
                   'reverse=>\"{{firstname}} {{lastname}}\", name=>\"{{firstname}} {{lastname}}\"', '{{}}',
                   'phonebook', '{book}');",
                self::number(t, number),
                source(t, number),
            )
            .unwrap();
        }
        write!(
            sql,
            "INSERT INTO dird_source VALUES
               ('{}', 'personal', '{tenant}', '{{lastname,NULL}}', '{{number}}',
                'name=>\"{{firstname}} {{lastname}}\", reverse=>\"{{firstname}} {{lastname}}\", gone=>NULL',
                NULL, 'personal', NULL),
               ('{}', 'file', '{tenant}', NULL, NULL, NULL,
                '{{\"z\": 1, \"file\": \"/people.csv\", \"separator\": \";\"}}', 'csv', NULL),
               ('{}', 'directory', '{tenant}', '{{cn}}', '{{}}', 'a=>\"{{cn}}\"',
                '{{\"ldap_uri\": \"ldap://192.0.2.1\", \"ldap_base_dn\": \"dc=example\", \"ldap_password\": \"secret\"}}',
                'ldap', NULL);
             INSERT INTO dird_display VALUES ('{display}', '{tenant}', 'desk {t}');
             INSERT INTO dird_display_column (display_uuid, field, title, type) VALUES
               ('{display}', 'name', 'Name', 'name'), ('{display}', 'number', 'Number', 'number');
             INSERT INTO dird_profile VALUES ('{profile}', '{tenant}', 'default', '{display}', '{tenant}');",
            source(t, 2),
            source(t, 3),
            source(t, 4),
        )
        .unwrap();
        sql + &Self::services(t)
    }

    /// The services of a tenant's profile; each names one of its sources twice.
    fn services(t: usize) -> String {
        let (tenant, profile, mut sql) = (tenant(t), profile(t), String::new());
        for (number, (service, config)) in services(t).into_iter().enumerate() {
            let of = id(8, t, number);
            write!(
                sql,
                "INSERT INTO dird_profile_service SELECT '{of}', '{profile}', '{tenant}', uuid, '{config}'
                   FROM dird_service WHERE name = '{service}';
                 INSERT INTO dird_profile_service_source VALUES
                   ('{of}', '{tenant}', '{two}', '{tenant}'), ('{of}', '{tenant}', '{one}', '{tenant}'),
                   ('{of}', '{tenant}', '{two}', '{tenant}');",
                two = source(t, 2),
                one = source(t, 0),
            )
            .unwrap();
        }
        sql
    }

    /// Each user's: one of the phonebook, one of his own; the first user's is of the next tenant's source, as the old service
    /// would have it.
    fn favorites(self) -> String {
        let mut sql = String::new();
        for t in 0..self.tenants {
            for number in 0..2 {
                let next = (t + usize::from(number == 0)) % self.tenants;
                writeln!(
                    sql,
                    "INSERT INTO dird_favorite VALUES ('{}', '{}', '{user}'), ('{}', '{}', '{user}');",
                    source(t, 0),
                    self.in_phonebook(t, 0)[number].id,
                    source(next, 2),
                    self.of_user(t, number)[0].id,
                    user = user(t, number),
                )
                .unwrap();
            }
        }
        sql
    }
}

/// Services and what is configured for them, in the first tenant as an older version had it.
fn services(tenant: usize) -> [(&'static str, &'static str); 3] {
    let lookup = match tenant {
        0 => r#"{"timeout": 2.5, "colour": "red"}"#,
        _ => r#"{"options": {"timeout": 2.5}}"#,
    };
    [
        ("reverse", r#"{"options": {}}"#),
        ("lookup", lookup),
        ("favorites", "{}"),
    ]
}

/// What cannot be taken: a contact without fields, one whose user has no tenant, that user, a source without a tenant and one
/// of an unknown backend, favourites of both and of another tenant's source that one's own has nothing like.
const ODDITIES: &str = "
    INSERT INTO dird_contact VALUES ('empty', '00000000-0002-4000-8000-000000000000', NULL, 'e');
    INSERT INTO dird_user VALUES ('homeless', NULL);
    INSERT INTO dird_contact VALUES ('lost', 'homeless', NULL, 'l');
    INSERT INTO dird_contact_fields (name, value, contact_uuid) VALUES ('a', 'b', 'lost');
    INSERT INTO dird_source (uuid, name, tenant_uuid, backend, extra_fields) VALUES
      ('nowhere', 'nowhere', NULL, 'csv', '{}'),
      ('strange', 'strange', '00000000-0001-4000-8000-000000000000', 'zodiac', '{}'),
      ('only there', 'only there', '00000000-0001-4000-8000-000000000000', 'csv', '{\"file\": \"/x\"}');
    INSERT INTO dird_favorite VALUES
      ('nowhere', '1', '00000000-0002-4000-8000-000000000000'),
      ('strange', '1', '00000000-0002-4000-8000-000000000000'),
      ('only there', '1', '00000001-0002-4000-8000-000000000000'),
      ('only there', '1', 'homeless');
";

async fn run(connection: &mut PgConnection, sql: String) {
    let run = sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection);
    run.await.unwrap();
}

/// Contacts of one owner. Their identifier is a row, too: in phonebooks with each of their fields. A field that was written
/// twice counts as it was written last.
async fn contacts(connection: &mut PgConnection, owner: &str, in_phonebook: bool, seeds: &[Seed]) {
    let ids: Vec<&str> = seeds.iter().map(|seed| seed.id.as_str()).collect();
    let insert = format!(
        "INSERT INTO dird_contact SELECT id, {owner}, md5(id) FROM unnest($1::text[]) AS id"
    );
    let inserted = sqlx::query(AssertSqlSafe(insert)).bind(&ids);
    inserted.execute(&mut *connection).await.unwrap();
    let (mut of, mut names, mut values) = (Vec::new(), Vec::new(), Vec::new());
    let mut add = |id: &str, name: &'static str, value: &str| {
        of.push(id.to_owned());
        names.push(name);
        values.push(value.to_owned());
    };
    for seed in seeds {
        add(&seed.id, "lastname", "as it was first");
        for (number, (name, value)) in seed.fields.iter().enumerate() {
            add(&seed.id, name, value);
            if in_phonebook || number == 0 {
                add(&seed.id, "id", &seed.id);
            }
        }
    }
    let inserted = sqlx::query(
        "INSERT INTO dird_contact_fields (contact_uuid, name, value) \
         SELECT id, name, value FROM unnest($1::text[], $2::text[], $3::text[]) \
           WITH ORDINALITY AS rows (id, name, value, place) ORDER BY place",
    );
    let inserted = inserted.bind(of).bind(names).bind(values);
    inserted.execute(connection).await.unwrap();
}
