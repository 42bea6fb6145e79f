-- What maintainers set by command for the whole project, over its configuration. Each change is an entry of the record as well.
create table settings (
    project_id blob not null references projects (id),
    key text not null,
    value text not null,
    set_by text not null,
    set_at integer not null,
    primary key (project_id, key)
) strict;

-- Limits that were set for one story; null: as configured.
alter table budgets add column soft integer check (soft >= 0);
alter table budgets add column hard integer check (hard >= 0);

-- What each story cost in a calendar month (UTC): summed up, what the project cost in it.
create table budget_months (
    project_id blob not null,
    month text not null,
    subject_id blob not null,
    spent integer not null default 0 check (spent >= 0),
    reserved integer not null default 0 check (reserved >= 0),
    primary key (project_id, month, subject_id),
    foreign key (project_id, subject_id) references subjects (project_id, id)
) strict;

insert into budget_months (project_id, month, subject_id, spent, reserved)
    select project_id, strftime('%Y-%m', at / 1000000, 'unixepoch'), subject_id, sum(coalesce(actual, 0)),
        sum(case when actual is null then amount else 0 end)
    from ledger group by 1, 2, 3;
