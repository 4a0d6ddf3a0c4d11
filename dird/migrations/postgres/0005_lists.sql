-- Pages of a list in the order that it has unless another is asked for. An index takes no keys of many kilobytes, so what
-- begins alike is sorted when it is read.
CREATE INDEX contact_name ON contact (tenant_uuid, list_uuid, left(sort_name, 100), position);
