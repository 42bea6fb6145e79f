-- Guard rails: what was done, by slots of five minutes (slot 0 holds the sum since the story began or was let go on), and what
-- each person may still ask for.

create table counts (
    project_id uuid not null references projects (id),
    scope text not null,
    key text not null,
    what text not null,
    slot bigint not null,
    n bigint not null,
    primary key (project_id, scope, key, what, slot)
);

-- level is in millionths; told is until when the person was told to wait.
create table buckets (
    project_id uuid not null references projects (id),
    scope text not null,
    key text not null,
    level bigint not null,
    at bigint not null,
    told bigint not null default 0,
    primary key (project_id, scope, key)
);

do $$
declare t text;
begin
    foreach t in array array['counts', 'buckets'] loop
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
        execute format('create policy tenant on %I using (project_id = nullif(current_setting(''app.project_id'', true), '''')::uuid)
                        with check (project_id = nullif(current_setting(''app.project_id'', true), '''')::uuid)', t);
        execute format('grant select, insert, update, delete on %I to syndarix_app', t);
    end loop;
end $$;
