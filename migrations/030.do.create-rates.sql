-- How often each client has asked, in a window that began then. Worth nothing after a crash, so it is not logged.
create unlogged table rate (
  client text primary key,
  began_at timestamptz not null,
  count integer not null
);
