-- Pages of a list in the order that it has unless another is asked for.
CREATE INDEX contact_name ON contact (tenant_uuid, list_uuid, sort_name, position);
