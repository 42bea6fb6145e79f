-- How often a delivery was replayed, and when last.
alter table inbox add column replays integer not null default 0;
alter table inbox add column replayed_at integer;
