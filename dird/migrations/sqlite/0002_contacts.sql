-- A list of contacts is a phonebook, or what a user keeps for himself. Its row is taken first by every writer, so that the
-- order of sequence numbers is the order of commits; whoever follows a list from before `purged` has to read it whole.
CREATE TABLE contact_list (
    tenant_uuid TEXT NOT NULL REFERENCES tenant (uuid) ON DELETE CASCADE,
    uuid        TEXT NOT NULL,
    version     INTEGER NOT NULL DEFAULT 0,
    sequence    INTEGER NOT NULL DEFAULT 0,
    purged      INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_uuid, uuid)
) STRICT;
INSERT INTO contact_list (tenant_uuid, uuid, version, sequence)
    SELECT tenant_uuid, uuid, version, sequence FROM phonebook;
ALTER TABLE phonebook DROP COLUMN version;
ALTER TABLE phonebook DROP COLUMN sequence;
ALTER TABLE phonebook ADD COLUMN sort_description TEXT NOT NULL DEFAULT '';
UPDATE phonebook SET sort_description = lower(description) WHERE description IS NOT NULL;

-- The last number given to a phonebook: numbers are not used twice.
CREATE TABLE phonebook_number (last INTEGER NOT NULL) STRICT;
INSERT INTO phonebook_number SELECT COALESCE(MAX(id), 0) FROM phonebook;

-- Sort keys of contacts that are here already have no accents folded until they are next written.
CREATE TABLE listed_contact (
    tenant_uuid    TEXT NOT NULL,
    list_uuid      TEXT NOT NULL,
    uuid           TEXT NOT NULL UNIQUE,
    position       INTEGER NOT NULL,
    sequence       INTEGER NOT NULL,
    hash           TEXT NOT NULL,
    fields         TEXT NOT NULL,
    folded         TEXT NOT NULL,
    sort_name      TEXT,
    sort_firstname TEXT,
    sort_lastname  TEXT,
    PRIMARY KEY (tenant_uuid, list_uuid, uuid),
    UNIQUE (tenant_uuid, list_uuid, hash),
    FOREIGN KEY (tenant_uuid, list_uuid) REFERENCES contact_list (tenant_uuid, uuid) ON DELETE CASCADE
) STRICT;
INSERT INTO listed_contact
    SELECT tenant_uuid, phonebook_uuid, uuid, sequence, sequence, hash, fields, folded,
           NULLIF(lower(json_extract(fields, '$.name')), ''),
           NULLIF(lower(json_extract(fields, '$.firstname')), ''),
           NULLIF(lower(json_extract(fields, '$.lastname')), '')
    FROM contact;
DROP TABLE contact;
ALTER TABLE listed_contact RENAME TO contact;
CREATE INDEX contact_position ON contact (tenant_uuid, list_uuid, position);
CREATE INDEX contact_sequence ON contact (tenant_uuid, list_uuid, sequence);

-- Contacts that were removed, for those who follow their list.
CREATE TABLE contact_removed (
    tenant_uuid TEXT NOT NULL,
    list_uuid   TEXT NOT NULL,
    sequence    INTEGER NOT NULL,
    uuid        TEXT NOT NULL,
    PRIMARY KEY (tenant_uuid, list_uuid, sequence),
    FOREIGN KEY (tenant_uuid, list_uuid) REFERENCES contact_list (tenant_uuid, uuid) ON DELETE CASCADE
) STRICT;

-- Users who keep contacts, and their lists.
CREATE TABLE personal_list (
    tenant_uuid TEXT NOT NULL,
    user_uuid   TEXT NOT NULL,
    list_uuid   TEXT NOT NULL,
    PRIMARY KEY (tenant_uuid, user_uuid),
    UNIQUE (tenant_uuid, list_uuid),
    FOREIGN KEY (tenant_uuid, list_uuid) REFERENCES contact_list (tenant_uuid, uuid) ON DELETE CASCADE
) STRICT;
CREATE INDEX personal_list_user ON personal_list (user_uuid);

CREATE TABLE favorite (
    tenant_uuid  TEXT NOT NULL,
    user_uuid    TEXT NOT NULL,
    source_uuid  TEXT NOT NULL,
    contact_uuid TEXT NOT NULL,
    PRIMARY KEY (tenant_uuid, user_uuid, source_uuid, contact_uuid),
    FOREIGN KEY (tenant_uuid, source_uuid) REFERENCES source (tenant_uuid, uuid) ON DELETE CASCADE
) STRICT;
CREATE INDEX favorite_source ON favorite (tenant_uuid, source_uuid);
CREATE INDEX favorite_user ON favorite (user_uuid);
