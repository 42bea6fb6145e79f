-- How often a delivery was replayed, and when last.
alter table inbox add column replays bigint not null default 0;
alter table inbox add column replayed_at bigint;

-- Old deliveries are dropped.
grant delete on inbox to syndarix_app;
