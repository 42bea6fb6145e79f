-- What maintainers set by command for the whole project, over its configuration. Each change is an entry of the record as well.
create table settings (
    project_id uuid not null references projects (id),
    key text not null,
    value text not null,
    set_by text not null,
    set_at bigint not null,
    primary key (project_id, key)
);

-- Limits that were set for one story; null: as configured.
alter table budgets add column soft bigint check (soft >= 0);
alter table budgets add column hard bigint check (hard >= 0);

-- What each story cost in a calendar month (UTC): summed up, what the project cost in it.
create table budget_months (
    project_id uuid not null,
    month text not null,
    subject_id uuid not null,
    spent bigint not null default 0 check (spent >= 0),
    reserved bigint not null default 0 check (reserved >= 0),
    primary key (project_id, month, subject_id),
    foreign key (project_id, subject_id) references subjects (project_id, id)
);

-- Forced row-level security hides the rows of every project even from their owner: lifted within this transaction only.
alter table ledger no force row level security;
insert into budget_months (project_id, month, subject_id, spent, reserved)
    select project_id, to_char(to_timestamp(at / 1000000) at time zone 'UTC', 'YYYY-MM'), subject_id, sum(coalesce(actual, 0)),
        sum(case when actual is null then amount else 0 end)
    from ledger group by 1, 2, 3;
alter table ledger force row level security;

do $$
declare t text;
begin
    foreach t in array array['settings', 'budget_months'] loop
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
        execute format('create policy tenant on %I using (project_id = nullif(current_setting(''app.project_id'', true), '''')::uuid)
                        with check (project_id = nullif(current_setting(''app.project_id'', true), '''')::uuid)', t);
        execute format('grant select, insert, update, delete on %I to syndarix_app', t);
    end loop;
end $$;
