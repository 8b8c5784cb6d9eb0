-- Containers that were started ahead of the boxes whose sources they will fetch, each with a workspace of its own. Such a box gets
-- this id: its row takes this one's place.
create table prepared_fetch (
  id uuid primary key,
  -- Who will use it; null when that one died, and it is to be removed.
  replica_id uuid references replica (id) on delete set null
);
create index prepared_fetch_replica on prepared_fetch (replica_id);

-- The process that a connection's TTY was made for, and when it began: who buries its replica ends what it has left in the box.
alter table connection add column leader text;
