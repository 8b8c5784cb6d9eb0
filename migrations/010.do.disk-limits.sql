-- When it was last measured how much disk a running box takes: of all replicas one does so.
alter table dockbox add column disk_checked_at timestamptz;
-- Bytes that a box may take although it is over its limit, so that its user can clean up: what it took when it was
-- stopped for that. Null while it is within its limit.
alter table dockbox add column disk_excess bigint;
