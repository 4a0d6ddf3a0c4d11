-- The tables of a wazo-dird as its migrations leave them (dird-platform.md §7).
CREATE EXTENSION "uuid-ossp";
CREATE EXTENSION hstore;
CREATE TABLE alembic_version_dird (version_num varchar(32) NOT NULL PRIMARY KEY);
CREATE TABLE dird_tenant (
    uuid    varchar(36) NOT NULL PRIMARY KEY DEFAULT uuid_generate_v4(),
    country varchar(2)
);
CREATE TABLE dird_user (
    user_uuid   varchar(36) NOT NULL PRIMARY KEY,
    tenant_uuid varchar(36) REFERENCES dird_tenant (uuid) ON DELETE CASCADE
);
CREATE INDEX ON dird_user (tenant_uuid);
CREATE TABLE dird_phonebook (
    uuid        uuid NOT NULL PRIMARY KEY DEFAULT uuid_generate_v4(),
    id          serial NOT NULL CONSTRAINT dird_phonebook_id UNIQUE,
    name        varchar(255) NOT NULL CHECK (name <> ''),
    description text,
    tenant_uuid varchar(36) NOT NULL REFERENCES dird_tenant (uuid) ON DELETE CASCADE,
    CONSTRAINT dird_phonebook_name_tenant_uuid UNIQUE (name, tenant_uuid),
    CONSTRAINT dird_phonebook_tenant_uuid_idx UNIQUE (uuid, tenant_uuid)
);
CREATE TABLE dird_contact (
    uuid           varchar(38) NOT NULL PRIMARY KEY DEFAULT uuid_generate_v4(),
    user_uuid      varchar(36) REFERENCES dird_user (user_uuid) ON DELETE CASCADE,
    phonebook_uuid uuid REFERENCES dird_phonebook (uuid) ON DELETE CASCADE,
    hash           varchar(40) NOT NULL,
    CONSTRAINT dird_contact_hash_user_uuid UNIQUE (hash, user_uuid),
    CONSTRAINT dird_contact_hash_phonebook_uuid UNIQUE (phonebook_uuid, hash)
);
CREATE INDEX ON dird_contact (user_uuid);
CREATE TABLE dird_contact_fields (
    id           serial NOT NULL PRIMARY KEY,
    name         text NOT NULL,
    value        text,
    contact_uuid varchar(38) NOT NULL REFERENCES dird_contact (uuid) ON DELETE CASCADE
);
CREATE INDEX ON dird_contact_fields (contact_uuid);
CREATE TABLE dird_source (
    uuid                  varchar(36) NOT NULL PRIMARY KEY DEFAULT uuid_generate_v4(),
    name                  text NOT NULL DEFAULT uuid_generate_v4(),
    tenant_uuid           varchar(36) REFERENCES dird_tenant (uuid),
    searched_columns      text[],
    first_matched_columns text[],
    format_columns        hstore,
    extra_fields          json,
    backend               text NOT NULL,
    phonebook_uuid        uuid REFERENCES dird_phonebook (uuid) ON DELETE CASCADE,
    CONSTRAINT dird_source_tenant_name UNIQUE (tenant_uuid, name),
    CONSTRAINT dird_source_uuid_tenant UNIQUE (uuid, tenant_uuid),
    FOREIGN KEY (phonebook_uuid, tenant_uuid)
        REFERENCES dird_phonebook (uuid, tenant_uuid) ON DELETE CASCADE
);
CREATE TABLE dird_display (
    uuid        varchar(36) NOT NULL PRIMARY KEY DEFAULT uuid_generate_v4(),
    tenant_uuid varchar(36) NOT NULL REFERENCES dird_tenant (uuid) ON DELETE CASCADE,
    name        text NOT NULL,
    CONSTRAINT dird_display_uuid_tenant UNIQUE (uuid, tenant_uuid)
);
CREATE TABLE dird_display_column (
    uuid           varchar(36) NOT NULL PRIMARY KEY DEFAULT uuid_generate_v4(),
    display_uuid   varchar(36) NOT NULL REFERENCES dird_display (uuid) ON DELETE CASCADE,
    field          text,
    title          text,
    type           text,
    "default"      text,
    number_display text
);
CREATE TABLE dird_profile (
    uuid                varchar(36) NOT NULL PRIMARY KEY DEFAULT uuid_generate_v4(),
    tenant_uuid         varchar(36) NOT NULL REFERENCES dird_tenant (uuid) ON DELETE CASCADE,
    name                text NOT NULL,
    display_uuid        varchar(36),
    display_tenant_uuid varchar(36),
    CONSTRAINT dird_profile_tenant_name UNIQUE (tenant_uuid, name),
    CONSTRAINT dird_profile_uuid_tenant UNIQUE (uuid, tenant_uuid),
    CONSTRAINT dird_profile_display_uuid_tenant_fkey FOREIGN KEY (display_uuid, display_tenant_uuid)
        REFERENCES dird_display (uuid, tenant_uuid) ON DELETE SET NULL
);
CREATE TABLE dird_service (
    uuid varchar(36) NOT NULL PRIMARY KEY DEFAULT uuid_generate_v4(),
    name text NOT NULL CONSTRAINT dird_service_name_key UNIQUE
);
CREATE TABLE dird_profile_service (
    uuid                varchar(36) NOT NULL PRIMARY KEY DEFAULT uuid_generate_v4(),
    profile_uuid        varchar(36) NOT NULL,
    profile_tenant_uuid varchar(36),
    service_uuid        varchar(36) NOT NULL REFERENCES dird_service (uuid) ON DELETE CASCADE,
    config              json,
    CONSTRAINT dird_profile_service_uuid_tenant UNIQUE (uuid, profile_tenant_uuid),
    FOREIGN KEY (profile_uuid, profile_tenant_uuid)
        REFERENCES dird_profile (uuid, tenant_uuid) ON DELETE CASCADE
);
CREATE TABLE dird_profile_service_source (
    profile_service_uuid varchar(36) NOT NULL,
    profile_tenant_uuid  varchar(36),
    source_uuid          varchar(36) NOT NULL,
    source_tenant_uuid   varchar(36),
    FOREIGN KEY (profile_service_uuid, profile_tenant_uuid)
        REFERENCES dird_profile_service (uuid, profile_tenant_uuid) ON DELETE CASCADE,
    CONSTRAINT dird_profile_service_source_source_uuid_tenant_fkey
        FOREIGN KEY (source_uuid, source_tenant_uuid)
        REFERENCES dird_source (uuid, tenant_uuid) ON DELETE CASCADE
);
CREATE TABLE dird_favorite (
    source_uuid varchar(36) NOT NULL REFERENCES dird_source (uuid) ON DELETE CASCADE,
    contact_id  text NOT NULL,
    user_uuid   varchar(36) NOT NULL REFERENCES dird_user (user_uuid) ON DELETE CASCADE,
    PRIMARY KEY (source_uuid, contact_id, user_uuid)
);
INSERT INTO alembic_version_dird VALUES ('5a67556fbbf1');
INSERT INTO dird_service (name) VALUES ('lookup'), ('reverse'), ('favorites');
