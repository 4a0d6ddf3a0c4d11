-- Remote directories that are mirrored: one of a source, or one of each user where everybody has contacts of his own there.
-- `fingerprint` is that of the configuration it was fetched with, `mark` is where the remote's changes go on from.
CREATE TABLE mirror (
    tenant_uuid TEXT NOT NULL,
    source_uuid TEXT NOT NULL,
    owner       TEXT NOT NULL,
    version     INTEGER NOT NULL,
    fingerprint TEXT NOT NULL,
    mark        TEXT,
    fetched     INTEGER NOT NULL,
    PRIMARY KEY (tenant_uuid, source_uuid, owner),
    FOREIGN KEY (tenant_uuid, source_uuid) REFERENCES source (tenant_uuid, uuid) ON DELETE CASCADE
) STRICT;
CREATE INDEX mirror_owner ON mirror (owner);

CREATE TABLE mirrored_contact (
    tenant_uuid TEXT NOT NULL,
    source_uuid TEXT NOT NULL,
    owner       TEXT NOT NULL,
    position    INTEGER NOT NULL,
    contact_id  TEXT NOT NULL,
    contact     TEXT NOT NULL,
    PRIMARY KEY (tenant_uuid, source_uuid, owner, position),
    FOREIGN KEY (tenant_uuid, source_uuid, owner) REFERENCES mirror (tenant_uuid, source_uuid, owner) ON DELETE CASCADE
) STRICT;
CREATE INDEX mirrored_contact_id ON mirrored_contact (tenant_uuid, source_uuid, owner, contact_id);
