-- A token of one project, and one that was revoked.
insert into tokens (id, name, digest, scopes, projects, issued_by, issued_at, expires_at, revoked_by, revoked_at, last_used) values
    (x'7f1c00000000700080000000000000b8', 'ci', '00', 'jobs:read jobs:retry', '["prj_7f1c000000007000800000000000000a"]', 'uid:1000', 1790000000000000, 1797776000000000, null, null, 1790000000000001);
insert into tokens (id, name, digest, scopes, projects, issued_by, issued_at, expires_at, revoked_by, revoked_at, last_used) values
    (x'7f1c00000000700080000000000000b9', 'ci', '00', 'metrics', null, 'uid:1000', 1780000000000000, null, 'uid:0', 1789000000000000, null);
