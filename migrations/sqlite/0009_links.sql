-- Issues that stand in two repositories. link: forge and number of the linked repository, so that another link does not take these rows
-- for its own. origin: the side on which an issue or comment was written, `here` in the project's repository or `there`.
create table links (
    project_id blob not null references projects (id),
    link text not null,
    data text not null,
    updated_at integer not null,
    primary key (project_id, link)
) strict;

-- copy: the number on the other side; null: its making was begun. base: what both sides last agreed upon, as JSON with hashes of texts.
create table mirror_issues (
    project_id blob not null references projects (id),
    link text not null,
    origin text not null check (origin in ('here', 'there')),
    number integer not null,
    copy integer,
    base text not null,
    begun_at integer not null,
    updated_at integer not null,
    primary key (project_id, link, origin, number)
) strict;
create unique index mirror_issues_copy on mirror_issues (project_id, link, origin, copy);

-- issue: number of the issue on the side of origin. copy: null: somebody deleted it, and it stays away. said, written: hashes.
create table mirror_comments (
    project_id blob not null references projects (id),
    link text not null,
    origin text not null check (origin in ('here', 'there')),
    issue integer not null,
    id integer not null,
    copy integer,
    said text not null,
    written text not null,
    primary key (project_id, link, origin, issue, id)
) strict;

-- Issues that may have to be compared. count grows with each reason to, so that what comes during a comparison is not forgotten.
create table mirror_due (
    project_id blob not null references projects (id),
    link text not null,
    side text not null check (side in ('here', 'there')),
    number integer not null,
    who text,
    count integer not null default 1,
    tries integer not null default 0,
    since integer not null,
    primary key (project_id, link, side, number)
) strict;
create index mirror_due_since on mirror_due (project_id, link, since);
