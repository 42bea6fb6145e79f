-- A renamed repository as version 4 of the schema wrote it.
insert into projects (id, forge, repo_id, path, default_branch, created_at, known_as) values
    ('7f1c0000-0000-7000-8000-00000000040a', 'gitea', 404, 'acme/store', 'main', 1790000000000000, 'acme/stall');
