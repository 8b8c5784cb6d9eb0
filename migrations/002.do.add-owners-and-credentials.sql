-- Boxes that were made before there were owners are those of whoever runs the service on one's own machine.
alter table dockbox add column owner text not null default 'local';
alter table dockbox alter column owner drop default;
create index dockbox_of_owner on dockbox (owner, created_at desc, id desc) where deleted_at is null;
create index dockbox_running_of_owner on dockbox (owner)
  where (running or status = 'creating') and deleted_at is null;

-- Whose credential a connection was opened with: the box can be another's.
alter table connection add column owner text not null default 'local';
alter table connection alter column owner drop default;
create index connection_owner on connection (owner);

-- When the key of the first start was made, which is made once.
alter table deployment add column first_key_at timestamptz;

-- Secrets are 256 random bits each, of which only the SHA-256 is kept: no salt and no slow hash make such a one
-- harder to guess.
create table api_key (
  id uuid primary key default gen_random_uuid(),
  hash bytea not null unique,
  name text not null,
  owner text not null,
  scope text not null check (scope in ('readonly', 'user', 'admin')),
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  last_used_at timestamptz,
  revoked_at timestamptz
);
create index api_key_of_owner on api_key (owner, created_at desc, id desc);
create index api_key_newest on api_key (created_at desc, id desc);

-- A browser that has signed in.
create table session (
  id uuid primary key default gen_random_uuid(),
  hash bytea not null unique,
  -- Null for one that signed in with a token of an OpenID Connect issuer.
  key_id uuid references api_key (id) on delete cascade,
  owner text not null,
  scope text not null check (scope in ('readonly', 'user', 'admin')),
  created_at timestamptz not null default now(),
  expires_at timestamptz not null
);
create index session_key on session (key_id);
create index session_of_owner on session (owner, created_at desc);
create index session_expiry on session (expires_at);

-- What lets its bearer into one box: a ticket, for one connection, or a share, for as many as there are until it expires.
create table ticket (
  id uuid primary key default gen_random_uuid(),
  hash bytea not null unique,
  kind text not null check (kind in ('ticket', 'share')),
  dockbox_id uuid not null references dockbox (id) on delete cascade,
  -- Who made it, and with what: it ends with that.
  owner text not null,
  key_id uuid references api_key (id) on delete cascade,
  session_id uuid references session (id) on delete cascade,
  name text,
  -- Null for any.
  terminal text,
  readonly boolean not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  -- When what it opened ends at the latest.
  good_until timestamptz,
  used_at timestamptz
);
create index ticket_dockbox on ticket (dockbox_id, created_at desc, id desc);
create index ticket_key on ticket (key_id);
create index ticket_session on ticket (session_id);
create index ticket_expiry on ticket (expires_at);

-- How many boxes an owner may create by now: the time at which a bucket, which empties steadily, is empty again.
create table creation_rate (
  owner text primary key,
  empty_at timestamptz not null
);
