-- A repository with a word about itself, as version 7 of the schema wrote it.
insert into projects (id, forge, repo_id, path, default_branch, created_at, known_as, tightening) values
    (x'7f1c000000007000800000000000070a', 'gitea', 407, 'acme/tight', 'main', 1790000000000000, 'acme/tight', '{"blob":"b","commit":"c","text":"fix_tries = 1"}');
