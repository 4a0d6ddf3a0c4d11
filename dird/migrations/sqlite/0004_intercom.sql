-- Phonebooks that are published as directories of an intercom. `timestamp` counts the changes of a directory's entries; it is
-- raised under the lock of the phonebook's row in contact_list, so that its order is the order of commits.
CREATE TABLE intercom_directory (
    tenant_uuid    TEXT NOT NULL,
    phonebook_uuid TEXT NOT NULL UNIQUE,
    is_default     INTEGER NOT NULL,
    series         TEXT NOT NULL,
    series_start   INTEGER NOT NULL DEFAULT 0,
    timestamp      INTEGER NOT NULL DEFAULT 0,
    instance       TEXT NOT NULL,
    mapping        TEXT NOT NULL,
    PRIMARY KEY (tenant_uuid, phonebook_uuid),
    FOREIGN KEY (tenant_uuid, phonebook_uuid) REFERENCES phonebook (tenant_uuid, uuid) ON DELETE CASCADE
) STRICT;
CREATE UNIQUE INDEX intercom_directory_default ON intercom_directory (tenant_uuid) WHERE is_default = 1;

-- Entries, and what stays of deleted ones. An entry without a contact has no field that contacts have.
CREATE TABLE intercom_entry (
    tenant_uuid    TEXT NOT NULL,
    phonebook_uuid TEXT NOT NULL,
    uuid           TEXT NOT NULL,
    uuid_text      TEXT NOT NULL,
    contact_uuid   TEXT UNIQUE,
    timestamp      INTEGER NOT NULL,
    deleted        INTEGER NOT NULL DEFAULT 0,
    owner          TEXT NOT NULL DEFAULT '',
    data           TEXT NOT NULL DEFAULT '{}',
    secret         BLOB,
    PRIMARY KEY (tenant_uuid, phonebook_uuid, uuid),
    UNIQUE (tenant_uuid, phonebook_uuid, timestamp),
    FOREIGN KEY (tenant_uuid, phonebook_uuid)
        REFERENCES intercom_directory (tenant_uuid, phonebook_uuid) ON DELETE CASCADE
) STRICT;
CREATE INDEX intercom_entry_owner ON intercom_entry (tenant_uuid, phonebook_uuid, owner) WHERE deleted = 0;
CREATE INDEX intercom_entry_deleted ON intercom_entry (tenant_uuid, phonebook_uuid, deleted);
