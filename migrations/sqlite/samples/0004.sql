-- A renamed repository as version 4 of the schema wrote it.
insert into projects (id, forge, repo_id, path, default_branch, created_at, known_as) values
    (x'7f1c000000007000800000000000040a', 'gitea', 404, 'acme/store', 'main', 1790000000000000, 'acme/stall');
