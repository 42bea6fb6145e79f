-- The path under which a repository was first seen; the configuration may still call it so after a rename.
alter table projects add column known_as text not null default '';
update projects set known_as = path;
