-- A delivery that waits under the share of its repository, and work of the project.
insert into work (kind, id, project_id, lane, run_at) values
    ('intake', x'7f1c0000000070008000000000000021', null, x'7f1c0000000050008000000000000022', 1790000000000001);
insert into work (kind, id, project_id, lane, run_at, lease_until, epoch, owner, attempts) values
    ('seal', x'7f1c000000007000800000000000000a', x'7f1c000000007000800000000000000a', null, 1790000000000002, 1790000000000003, 7, 'gone', 1);
