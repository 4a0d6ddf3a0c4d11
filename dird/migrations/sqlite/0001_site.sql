-- Tenants, who may speak for them, and what they configured. Tenant is the first column of every key.
CREATE TABLE tenant (
    uuid    TEXT NOT NULL PRIMARY KEY,
    parent  TEXT REFERENCES tenant (uuid) ON DELETE CASCADE,
    name    TEXT NOT NULL DEFAULT '',
    country TEXT,
    version INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE account_user (
    uuid          TEXT NOT NULL PRIMARY KEY,
    tenant_uuid   TEXT NOT NULL REFERENCES tenant (uuid) ON DELETE CASCADE,
    username      TEXT NOT NULL UNIQUE,
    password_hash TEXT,
    acl           TEXT NOT NULL
) STRICT;

CREATE TABLE account_key (
    uuid        TEXT NOT NULL PRIMARY KEY,
    name        TEXT NOT NULL UNIQUE,
    hash        BLOB NOT NULL UNIQUE,
    tenant_uuid TEXT NOT NULL REFERENCES tenant (uuid) ON DELETE CASCADE,
    acl         TEXT NOT NULL,
    created_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE account_token (
    hash        BLOB NOT NULL PRIMARY KEY,
    auth_id     TEXT NOT NULL,
    user_uuid   TEXT,
    tenant_uuid TEXT NOT NULL REFERENCES tenant (uuid) ON DELETE CASCADE,
    acl         TEXT NOT NULL,
    session     TEXT NOT NULL,
    issued_at   INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX account_token_auth ON account_token (auth_id);
CREATE INDEX account_token_expiry ON account_token (expires_at);

CREATE TABLE phonebook (
    tenant_uuid TEXT NOT NULL REFERENCES tenant (uuid) ON DELETE CASCADE,
    uuid        TEXT NOT NULL UNIQUE,
    id          INTEGER NOT NULL UNIQUE,
    name        TEXT NOT NULL,
    sort_name   TEXT NOT NULL,
    description TEXT,
    version     INTEGER NOT NULL DEFAULT 0,
    sequence    INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_uuid, uuid),
    UNIQUE (tenant_uuid, name)
) STRICT;

CREATE TABLE contact (
    tenant_uuid    TEXT NOT NULL REFERENCES tenant (uuid) ON DELETE CASCADE,
    phonebook_uuid TEXT NOT NULL,
    uuid           TEXT NOT NULL UNIQUE,
    sequence       INTEGER NOT NULL,
    hash           TEXT NOT NULL,
    fields         TEXT NOT NULL,
    folded         TEXT NOT NULL,
    PRIMARY KEY (tenant_uuid, phonebook_uuid, uuid),
    UNIQUE (tenant_uuid, phonebook_uuid, hash),
    FOREIGN KEY (tenant_uuid, phonebook_uuid) REFERENCES phonebook (tenant_uuid, uuid) ON DELETE CASCADE
) STRICT;
CREATE INDEX contact_order ON contact (tenant_uuid, phonebook_uuid, sequence);

CREATE TABLE source (
    tenant_uuid           TEXT NOT NULL REFERENCES tenant (uuid) ON DELETE CASCADE,
    uuid                  TEXT NOT NULL,
    backend               TEXT NOT NULL,
    name                  TEXT,
    sort_name             TEXT NOT NULL,
    phonebook_uuid        TEXT,
    searched_columns      TEXT NOT NULL,
    first_matched_columns TEXT NOT NULL,
    format_columns        TEXT NOT NULL,
    extra                 TEXT NOT NULL,
    PRIMARY KEY (tenant_uuid, uuid),
    UNIQUE (tenant_uuid, name),
    FOREIGN KEY (tenant_uuid, phonebook_uuid) REFERENCES phonebook (tenant_uuid, uuid) ON DELETE CASCADE
) STRICT;

CREATE TABLE display (
    tenant_uuid TEXT NOT NULL REFERENCES tenant (uuid) ON DELETE CASCADE,
    uuid        TEXT NOT NULL,
    name        TEXT NOT NULL,
    sort_name   TEXT NOT NULL,
    columns     TEXT NOT NULL,
    PRIMARY KEY (tenant_uuid, uuid)
) STRICT;

CREATE TABLE profile (
    tenant_uuid  TEXT NOT NULL REFERENCES tenant (uuid) ON DELETE CASCADE,
    uuid         TEXT NOT NULL,
    name         TEXT NOT NULL,
    sort_name    TEXT NOT NULL,
    display_uuid TEXT,
    PRIMARY KEY (tenant_uuid, uuid),
    UNIQUE (tenant_uuid, name)
) STRICT;
CREATE INDEX profile_display ON profile (tenant_uuid, display_uuid);

CREATE TABLE profile_service (
    tenant_uuid  TEXT NOT NULL,
    profile_uuid TEXT NOT NULL,
    service      TEXT NOT NULL,
    position     INTEGER NOT NULL,
    options      TEXT,
    PRIMARY KEY (tenant_uuid, profile_uuid, service),
    FOREIGN KEY (tenant_uuid, profile_uuid) REFERENCES profile (tenant_uuid, uuid) ON DELETE CASCADE
) STRICT;

CREATE TABLE profile_source (
    tenant_uuid  TEXT NOT NULL,
    profile_uuid TEXT NOT NULL,
    service      TEXT NOT NULL,
    source_uuid  TEXT NOT NULL,
    position     INTEGER NOT NULL,
    PRIMARY KEY (tenant_uuid, profile_uuid, service, source_uuid),
    FOREIGN KEY (tenant_uuid, profile_uuid, service)
        REFERENCES profile_service (tenant_uuid, profile_uuid, service) ON DELETE CASCADE,
    FOREIGN KEY (tenant_uuid, source_uuid) REFERENCES source (tenant_uuid, uuid) ON DELETE CASCADE
) STRICT;
CREATE INDEX profile_source_source ON profile_source (tenant_uuid, source_uuid);
