-- Phonebooks that are published as directories of an intercom. `timestamp` counts the changes of a directory's entries; it is
-- raised under the lock of the phonebook's row in contact_list, so that its order is the order of commits.
CREATE TABLE intercom_directory (
    tenant_uuid    text COLLATE "C" NOT NULL,
    phonebook_uuid text COLLATE "C" NOT NULL UNIQUE,
    is_default     boolean NOT NULL,
    series         text COLLATE "C" NOT NULL,
    series_start   bigint NOT NULL DEFAULT 0,
    timestamp      bigint NOT NULL DEFAULT 0,
    instance       text COLLATE "C" NOT NULL,
    mapping        text COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_uuid, phonebook_uuid),
    FOREIGN KEY (tenant_uuid, phonebook_uuid) REFERENCES phonebook (tenant_uuid, uuid) ON DELETE CASCADE
);
CREATE UNIQUE INDEX intercom_directory_default ON intercom_directory (tenant_uuid) WHERE is_default;

-- Entries, and what stays of deleted ones. An entry without a contact has no field that contacts have.
CREATE TABLE intercom_entry (
    tenant_uuid    text COLLATE "C" NOT NULL,
    phonebook_uuid text COLLATE "C" NOT NULL,
    uuid           text COLLATE "C" NOT NULL,
    uuid_text      text COLLATE "C" NOT NULL,
    contact_uuid   text COLLATE "C" UNIQUE,
    timestamp      bigint NOT NULL,
    deleted        boolean NOT NULL DEFAULT false,
    owner          text COLLATE "C" NOT NULL DEFAULT '',
    data           text COLLATE "C" NOT NULL DEFAULT '{}',
    secret         bytea,
    PRIMARY KEY (tenant_uuid, phonebook_uuid, uuid),
    UNIQUE (tenant_uuid, phonebook_uuid, timestamp),
    FOREIGN KEY (tenant_uuid, phonebook_uuid)
        REFERENCES intercom_directory (tenant_uuid, phonebook_uuid) ON DELETE CASCADE
);
CREATE INDEX intercom_entry_owner ON intercom_entry (tenant_uuid, phonebook_uuid, owner) WHERE NOT deleted;
CREATE INDEX intercom_entry_deleted ON intercom_entry (tenant_uuid, phonebook_uuid, deleted);
