-- Remote directories that are mirrored: one of a source, or one of each user where everybody has contacts of his own there.
-- `fingerprint` is that of the configuration it was fetched with, `mark` is where the remote's changes go on from.
CREATE TABLE mirror (
    tenant_uuid text COLLATE "C" NOT NULL,
    source_uuid text COLLATE "C" NOT NULL,
    owner       text COLLATE "C" NOT NULL,
    version     bigint NOT NULL,
    fingerprint text COLLATE "C" NOT NULL,
    mark        text COLLATE "C",
    fetched     bigint NOT NULL,
    PRIMARY KEY (tenant_uuid, source_uuid, owner),
    FOREIGN KEY (tenant_uuid, source_uuid) REFERENCES source (tenant_uuid, uuid) ON DELETE CASCADE
);
CREATE INDEX mirror_owner ON mirror (owner);

CREATE TABLE mirrored_contact (
    tenant_uuid text COLLATE "C" NOT NULL,
    source_uuid text COLLATE "C" NOT NULL,
    owner       text COLLATE "C" NOT NULL,
    position    bigint NOT NULL,
    contact_id  text COLLATE "C" NOT NULL,
    contact     text COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_uuid, source_uuid, owner, position),
    FOREIGN KEY (tenant_uuid, source_uuid, owner) REFERENCES mirror (tenant_uuid, source_uuid, owner) ON DELETE CASCADE
);
CREATE INDEX mirrored_contact_id ON mirrored_contact (tenant_uuid, source_uuid, owner, contact_id);
