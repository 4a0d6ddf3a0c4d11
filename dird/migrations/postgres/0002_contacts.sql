-- A list of contacts is a phonebook, or what a user keeps for himself. Its row is taken first by every writer, so that the
-- order of sequence numbers is the order of commits; whoever follows a list from before `purged` has to read it whole.
CREATE TABLE contact_list (
    tenant_uuid text COLLATE "C" NOT NULL REFERENCES tenant (uuid) ON DELETE CASCADE,
    uuid        text COLLATE "C" NOT NULL,
    version     bigint NOT NULL DEFAULT 0,
    sequence    bigint NOT NULL DEFAULT 0,
    purged      bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_uuid, uuid)
);
INSERT INTO contact_list (tenant_uuid, uuid, version, sequence)
    SELECT tenant_uuid, uuid, version, sequence FROM phonebook;
ALTER TABLE phonebook DROP COLUMN version;
ALTER TABLE phonebook DROP COLUMN sequence;
ALTER TABLE phonebook ADD COLUMN sort_description text COLLATE "C" NOT NULL DEFAULT '';
UPDATE phonebook SET sort_description = lower(description) WHERE description IS NOT NULL;

-- Sort keys of contacts that are here already have no accents folded until they are next written.
CREATE TABLE listed_contact (
    tenant_uuid    text COLLATE "C" NOT NULL,
    list_uuid      text COLLATE "C" NOT NULL,
    uuid           text COLLATE "C" NOT NULL UNIQUE,
    position       bigint NOT NULL,
    sequence       bigint NOT NULL,
    hash           text COLLATE "C" NOT NULL,
    fields         text COLLATE "C" NOT NULL,
    folded         text COLLATE "C" NOT NULL,
    sort_name      text COLLATE "C",
    sort_firstname text COLLATE "C",
    sort_lastname  text COLLATE "C",
    PRIMARY KEY (tenant_uuid, list_uuid, uuid),
    UNIQUE (tenant_uuid, list_uuid, hash),
    FOREIGN KEY (tenant_uuid, list_uuid) REFERENCES contact_list (tenant_uuid, uuid) ON DELETE CASCADE
);
INSERT INTO listed_contact
    SELECT tenant_uuid, phonebook_uuid, uuid, sequence, sequence, hash, fields, folded,
           NULLIF(lower(fields::json ->> 'name'), ''),
           NULLIF(lower(fields::json ->> 'firstname'), ''),
           NULLIF(lower(fields::json ->> 'lastname'), '')
    FROM contact;
DROP TABLE contact;
ALTER TABLE listed_contact RENAME TO contact;
CREATE INDEX contact_position ON contact (tenant_uuid, list_uuid, position);
CREATE INDEX contact_sequence ON contact (tenant_uuid, list_uuid, sequence);

-- Contacts that were removed, for those who follow their list.
CREATE TABLE contact_removed (
    tenant_uuid text COLLATE "C" NOT NULL,
    list_uuid   text COLLATE "C" NOT NULL,
    sequence    bigint NOT NULL,
    uuid        text COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_uuid, list_uuid, sequence),
    FOREIGN KEY (tenant_uuid, list_uuid) REFERENCES contact_list (tenant_uuid, uuid) ON DELETE CASCADE
);

-- Users who keep contacts, and their lists.
CREATE TABLE personal_list (
    tenant_uuid text COLLATE "C" NOT NULL,
    user_uuid   text COLLATE "C" NOT NULL,
    list_uuid   text COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_uuid, user_uuid),
    UNIQUE (tenant_uuid, list_uuid),
    FOREIGN KEY (tenant_uuid, list_uuid) REFERENCES contact_list (tenant_uuid, uuid) ON DELETE CASCADE
);
CREATE INDEX personal_list_user ON personal_list (user_uuid);

CREATE TABLE favorite (
    tenant_uuid  text COLLATE "C" NOT NULL,
    user_uuid    text COLLATE "C" NOT NULL,
    source_uuid  text COLLATE "C" NOT NULL,
    contact_uuid text COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_uuid, user_uuid, source_uuid, contact_uuid),
    FOREIGN KEY (tenant_uuid, source_uuid) REFERENCES source (tenant_uuid, uuid) ON DELETE CASCADE
);
CREATE INDEX favorite_source ON favorite (tenant_uuid, source_uuid);
CREATE INDEX favorite_user ON favorite (user_uuid);
