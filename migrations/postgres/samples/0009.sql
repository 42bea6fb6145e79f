-- A linked repository with an issue that came from there, a comment on it, and one that waits to be compared.
insert into links (project_id, link, data, updated_at) values ('7f1c0000-0000-7000-8000-00000000000a', 'hub/77', '{"forge":"hub","repo_id":77}', 1790000000000000);
insert into mirror_issues (project_id, link, origin, number, copy, base, begun_at, updated_at) values
    ('7f1c0000-0000-7000-8000-00000000000a', 'hub/77', 'there', 12, 42, '{}', 1790000000000000, 1790000000000000);
insert into mirror_comments (project_id, link, origin, issue, id, copy, said, written) values ('7f1c0000-0000-7000-8000-00000000000a', 'hub/77', 'there', 12, 5, 6, '00', '11');
insert into mirror_due (project_id, link, side, number, who, since) values ('7f1c0000-0000-7000-8000-00000000000a', 'hub/77', 'there', 12, 'alice', 1790000000000000);
