-- Issues that stand in two repositories. link: forge and number of the linked repository, so that another link does not take these rows
-- for its own. origin: the side on which an issue or comment was written, `here` in the project's repository or `there`.
create table links (
    project_id uuid not null references projects (id),
    link text not null,
    data text not null,
    updated_at bigint not null,
    primary key (project_id, link)
);

-- copy: the number on the other side; null: its making was begun. base: what both sides last agreed upon, as JSON with hashes of texts.
create table mirror_issues (
    project_id uuid not null references projects (id),
    link text not null,
    origin text not null check (origin in ('here', 'there')),
    number bigint not null,
    copy bigint,
    base text not null,
    begun_at bigint not null,
    updated_at bigint not null,
    primary key (project_id, link, origin, number)
);
create unique index mirror_issues_copy on mirror_issues (project_id, link, origin, copy);

-- issue: number of the issue on the side of origin. copy: null: somebody deleted it, and it stays away. said, written: hashes.
create table mirror_comments (
    project_id uuid not null references projects (id),
    link text not null,
    origin text not null check (origin in ('here', 'there')),
    issue bigint not null,
    id bigint not null,
    copy bigint,
    said text not null,
    written text not null,
    primary key (project_id, link, origin, issue, id)
);

-- Issues that may have to be compared. count grows with each reason to, so that what comes during a comparison is not forgotten.
create table mirror_due (
    project_id uuid not null references projects (id),
    link text not null,
    side text not null check (side in ('here', 'there')),
    number bigint not null,
    who text,
    count bigint not null default 1,
    tries bigint not null default 0,
    since bigint not null,
    primary key (project_id, link, side, number)
);
create index mirror_due_since on mirror_due (project_id, link, since);

do $$
declare t text;
begin
    foreach t in array array['links', 'mirror_issues', 'mirror_comments', 'mirror_due'] loop
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
        execute format('create policy tenant on %I using (project_id = nullif(current_setting(''app.project_id'', true), '''')::uuid)
                        with check (project_id = nullif(current_setting(''app.project_id'', true), '''')::uuid)', t);
        execute format('grant select, insert, update, delete on %I to syndarix_app', t);
    end loop;
end $$;
