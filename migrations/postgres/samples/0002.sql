-- A delivery that waits under the share of its repository, and work of the project.
insert into work (kind, id, project_id, lane, run_at) values
    ('intake', '7f1c0000-0000-7000-8000-000000000021', null, '7f1c0000-0000-5000-8000-000000000022', 1790000000000001);
insert into work (kind, id, project_id, lane, run_at, lease_until, epoch, owner, attempts) values
    ('seal', '7f1c0000-0000-7000-8000-00000000000a', '7f1c0000-0000-7000-8000-00000000000a', null, 1790000000000002, 1790000000000003, 7, 'gone', 1);
