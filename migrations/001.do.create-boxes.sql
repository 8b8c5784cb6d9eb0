-- One deployment is one database: its id labels every container that belongs to it.
create table deployment (
  id uuid primary key default gen_random_uuid(),
  only_row boolean not null unique default true check (only_row)
);
insert into deployment default values;

-- A running server process. Silent ones are swept, and their connections go with them.
create table replica (
  id uuid primary key,
  address text not null,
  heartbeat_at timestamptz not null default now(),
  -- When it came back after it had been out of touch: it buries nobody until others had time to come back, too.
  returned_at timestamptz
);

create table dockbox (
  id uuid primary key,
  -- Null once it is deleted.
  name text unique,
  url text not null,
  ref text,
  directory text,
  image text,
  status text not null check (status in ('creating', 'ready', 'failed')),
  -- Who is creating it; null while 'creating' means that its creator died. Null once it is made: a replica that goes
  -- would otherwise take with it a mention in every box that it ever made.
  creator_id uuid references replica (id) on delete set null,
  running boolean not null default false,
  idle_since timestamptz,
  error text,
  warnings text[] not null default '{}',
  created_at timestamptz not null default now(),
  last_modified timestamptz not null default now(),
  -- Deleted for its users, whose name is free again; the row stays until its container and files are gone.
  deleted_at timestamptz
);
create index dockbox_newest on dockbox (created_at desc, id desc) where deleted_at is null;
create index dockbox_running on dockbox (idle_since) where running and deleted_at is null;
create index dockbox_creating on dockbox (creator_id) where status = 'creating' and deleted_at is null;
-- For the foreign key, which asks for a replica's boxes when it goes, whatever their status.
create index dockbox_creator on dockbox (creator_id) where creator_id is not null;
create index dockbox_deleted on dockbox (deleted_at) where deleted_at is not null;

create table connection (
  id uuid primary key,
  dockbox_id uuid not null references dockbox (id) on delete cascade,
  replica_id uuid not null references replica (id) on delete cascade,
  terminal text not null,
  exec_id text,
  opened_at timestamptz not null default now()
);
create index connection_dockbox on connection (dockbox_id);
create index connection_replica on connection (replica_id);
