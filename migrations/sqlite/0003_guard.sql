-- Guard rails: what was done, by slots of five minutes (slot 0 holds the sum since the story began or was let go on), and what
-- each person may still ask for.

create table counts (
    project_id blob not null references projects (id),
    scope text not null,
    key text not null,
    what text not null,
    slot integer not null,
    n integer not null,
    primary key (project_id, scope, key, what, slot)
) strict, without rowid;

-- level is in millionths; told is until when the person was told to wait.
create table buckets (
    project_id blob not null references projects (id),
    scope text not null,
    key text not null,
    level integer not null,
    at integer not null,
    told integer not null default 0,
    primary key (project_id, scope, key)
) strict, without rowid;
