"""What somebody may try who may read and write memories, but only their own: Ann tries to get at Bob's.

{ann} and {bob} are users, {his} is a memory of Bob's, {hers} one of Ann's, {group} a collection of Bob's, {near} the
embedding of a memory of his.
"""

NEW = "insert into memories (user_id, memory_type, content) values"
SEARCH = "select id, content from search_memories('{bob}', '{near}'"

READ = {
    "read all": "select * from memories order by id",
    "read of a user": "select * from memories where user_id = '{bob}'",
    "read by id": "select content from memories where id = '{his}'",
    "read whole rows": "select memories from memories order by id",
    "read the table alone": "select * from only memories order by id",
    "read by place": "select id from memories where ctid > '(0,0)' order by id",
    "read a sample": "select count(*) from memories tablesample system (100)",
    "read as others' tiers": "select distinct memory_type from memories",
    "read by union": "select id from memories where user_id = '{bob}' union all select '{his}'::uuid where exists "
    "(select from memories where id = '{his}')",
    "read by join": "select m.content from users u join memories m on m.user_id = u.id where u.id <> '{ann}'",
    "read by lateral": "select x.content from (values ('{bob}'::uuid)) v (id) cross join lateral "
    "(select content from memories where user_id = v.id limit 3) x",
    "read by recursion": "with recursive r as (select id, 1 n from memories where user_id = '{bob}' union all "
    "select id, n + 1 from r where n < 2) select count(*) from r",
    "read by cursor": "declare c cursor for select id from memories order by id; fetch all c",
    "read by cursor with hold": "declare c scroll cursor for select content from memories where user_id = '{bob}'; "
    "fetch last c",
    "read as json": "select jsonb_agg(to_jsonb(m) order by m.id) from memories m",
    "read in a function": "create function pg_temp.f() returns bigint language sql as 'select count(*) from memories'; "
    "select pg_temp.f()",
    "read as definer": "create function pg_temp.f() returns bigint language sql security definer as "
    "'select count(*) from memories'; select pg_temp.f()",
    "read through a view": "create temp view v as select * from memories; select count(*) from v",
    "read through a view of the caller": "select count(*) from seen_by_caller",
    "read into a table": "create temp table t as select * from memories; select count(*) from t",
    "read by copy": "copy memories (id, content) to stdout",
    "read by copy of a query": "copy (select id from memories where user_id = '{bob}') to stdout",
    "read what is locked": "select id from memories where user_id = '{bob}' for update",
    "read past locks": "select id from memories order by id for share skip locked",
    "read in a prepared statement": "prepare p as select count(*) from memories where user_id = $1; execute p('{bob}')",
    "read with a plan made for somebody else": "set local plan_cache_mode = force_generic_plan; "
    "prepare q as select count(*) from memories; set local memdb.user_id = '{bob}'; create temp table t as execute q; "
    "set local memdb.user_id = '{ann}'; execute q",
    "read collections": "select * from memory_collections order by id",
    "read a collection": "select name from memory_collections where id = '{group}'",
    "read users": "select id from users",
    "read a user": "select created_at is null from users where id = '{bob}'",
    "count all": "select count(*) from memories",
    "count of a user": "select count(*) from memories where user_id = '{bob}'",
    "count by tier": "select memory_type, count(*) from memories group by 1 order by 1",
    "count users": "select count(distinct user_id) from memories",
    "count by window": "select count(*) over () from memories limit 1",
    "count parallel": "set parallel_setup_cost = 0; set parallel_tuple_cost = 0; set min_parallel_table_scan_size = 0; "
    "select count(*) from memories",
    "know whether there is one": "select exists (select from memories where user_id = '{bob}')",
    "know when": "select max(created_at), min(accessed_at) from memories",
    "know whose id": "select user_id from memories where id = '{his}'",
    "know how many rows were dropped": "select count(*) from memories where user_id >= '{bob}' and user_id <= '{bob}'",
    "search by vector": "select id from memories order by embedding <=> '{near}', id limit 5",
    "search the vectors of a user": "select id from memories where user_id = '{bob}' "
    "order by embedding <=> '{near}' limit 5",
    "search by distance": "select count(*) from memories where embedding <=> '{near}' < 0.1",
    "search memories": SEARCH + ", 5)",
    "search for many": SEARCH + ", 300)",
    "search with candidates": SEARCH + ", 10, candidates => 2147483647)",
    "search by metadata": SEARCH + ", 10, metadata => '{{}}')",
    "search by a condition": "select id, content from search_memories_where('{bob}', '{near}', '1 == 1')",
    "search a tier": SEARCH + ", 10, '{{personal}}')",
    "search within a distance": SEARCH + ", 10, max_distance => 0.5)",
    "search by signature": "select id from search_memories_by_signature('{bob}', '{near}', 10, null)",
    "search in widths": "select id from search_memories_in_widths('{bob}', '{near}', 50, null, null)",
    "search filtered": "select id from search_memories_filtered('{bob}', '{near}', 9, null, null, '{{}}', null)",
    "search signatures": "select count(*) from memories where signature is not null and user_id = '{bob}'",
    "search for everybody": "select u, count(f.id) from unnest('{{{ann},{bob}}}'::uuid[]) u "
    "left join lateral search_memories(u, '{near}', 300) f on true group by 1 order by 1",
    "search by words": "select id from memories where content ilike '%secret%'",
    "search by regular expression": "select count(*) from memories where content ~ 'secret of bob'",
    "search full text": "select id from memories where to_tsvector('simple', content) @@ 'bob'::tsquery",
    "search metadata": 'select id from memories where metadata @> \'{{"of": "bob"}}\'',
    "leak by notices": "create function pg_temp.leak(text) returns bool language plpgsql cost 0.0000001 as "
    "'begin raise notice ''%'', $1; return true; end'; "
    "select count(*) from memories where pg_temp.leak(content) and user_id = '{bob}'",
    "leak by division": "select count(*) from memories "
    "where 1 / (case when content like 'secret%' then 0 else 1 end) = 1",
    "leak by a cast": "select count(*) from memories where content::int = 1 and user_id = '{bob}'",
    "leak by an operator": "create function pg_temp.eq(text, text) returns bool language plpgsql as "
    "'begin raise notice ''%'', $1; return true; end'; "
    "create operator pg_temp.=== (leftarg = text, rightarg = text, function = pg_temp.eq); "
    "select count(*) from memories where content operator(pg_temp.===) '' and user_id = '{bob}'",
    "leak by a sort": "create function pg_temp.k(text) returns text language plpgsql as "
    "'begin raise notice ''%'', $1; return $1; end'; select id from memories order by pg_temp.k(content), id",
    "infer from statistics": "select attname, n_distinct, most_common_freqs from pg_stats where tablename = 'memories'",
    "infer from statistics of several columns": "select n_distinct from pg_stats_ext where tablename = 'memories'",
}
"""Each would find something of Bob's if it were not for the policies."""

WRITE = {
    "change": "update memories set content = 'changed' where user_id = '{bob}'",
    "change by id": "update memories set content = 'changed' where id = '{his}' returning id",
    "change all": "update memories set accessed_at = now()",
    "change by join": "update memories m set content = 'changed' from users u "
    "where m.user_id = u.id and u.id = '{bob}'",
    "change by merge": "merge into memories m using (values ('{his}'::uuid)) v (id) on m.id = v.id "
    "when matched then update set content = 'changed'",
    "take over": "update memories set user_id = '{ann}' where user_id = '{bob}'",
    "take over by id": "update memories set user_id = '{ann}' where id = '{his}'",
    "take over a collection": "update memory_collections set user_id = '{ann}' where id = '{group}'",
    "become": "update users set id = '{ann}' where id = '{bob}'",
    "delete": "delete from memories where user_id = '{bob}'",
    "delete by id": "delete from memories where id = '{his}' returning content",
    "delete all": "delete from memories",
    "delete by using": "delete from memories using users u where user_id = u.id and u.id <> '{ann}'",
    "delete collections": "delete from memory_collections",
    "delete a user": "delete from users where id = '{bob}'",
    "delete all users": "delete from users",
}
"""Each would change rows of Bob's."""

REFUSED = {
    "move to": ("update memories set user_id = '{bob}' where id = '{hers}'", "42501"),
    "move all to": ("update memories set user_id = '{bob}'", "42501"),
    "move to a user that is not there": (
        "update memories set user_id = gen_random_uuid() where id = '{hers}'",
        "42501",
    ),
    "move a collection to": ("update memory_collections set user_id = '{bob}'", "42501"),
    "insert for": (NEW + " ('{bob}', 'task', 'planted')", "42501"),
    "insert for, from a query": (
        "insert into memories (user_id, memory_type, content) select '{bob}', 'task', 'planted' from memories limit 1",
        "42501",
    ),
    "insert for, with a known id": (
        "insert into memories (id, user_id, memory_type, content) values ('{his}', '{bob}', 'task', 'x')",
        "42501",
    ),
    "insert for, on conflict do nothing": (NEW + " ('{bob}', 'task', 'planted') on conflict do nothing", "42501"),
    "insert for a user that is not there": (NEW + " (gen_random_uuid(), 'task', 'x')", "42501"),
    "insert for nobody": (NEW + " (null, 'task', 'x')", "42501"),
    "insert a collection for": (
        "insert into memory_collections (user_id, collection_type, name) values ('{bob}', 'journal', 'x')",
        "42501",
    ),
    "insert another user": ("insert into users default values", "42501"),
    "insert a user that is there": ("insert into users (id) values ('{bob}')", "42501"),
    "insert by merge": (
        "merge into memories m using (values ('{bob}'::uuid)) v (id) on false when not matched then "  # noqa: ISC004
        "insert (user_id, memory_type, content) values (v.id, 'task', 'x')",
        "42501",
    ),
    "copy in": ("copy memories (user_id, memory_type, content) from stdin", "0A000"),
    "truncate": ("truncate memories", "42501"),
    "truncate users": ("truncate users cascade", "42501"),
    "truncate the history": ("truncate memdb_migrations", "42501"),
    "refer to": ("create table open_to_all.probe (id uuid references memories (id))", "42501"),
    "add a trigger": (
        "create trigger t after insert on memories execute function suppress_redundant_updates_trigger()",
        "42501",
    ),
    "add a rule": ("create rule r as on insert to memories do also notify x", "42501"),
    "add a policy": ("create policy mine on memories using (true)", "42501"),
    "alter a policy": ("alter policy memories_select on memories using (true)", "42501"),
    "drop a policy": ("drop policy memories_select on memories", "42501"),
    "switch it off": ("alter table memories disable row level security", "42501"),
    "switch it off for a session": ("set row_security = off; select count(*) from memories", "42501"),
    "replace who asks": (
        "create or replace function memory_user() returns uuid language sql as 'select null::uuid'",
        "42501",
    ),
    "become the owner": ("set role {owner}", "42501"),
    "become the owner's session": ("set session authorization {owner}", "42501"),
    "pass by policies": ("alter role current_user bypassrls", "42501"),
    "read statistics": ("select * from pg_statistic", "42501"),
    "read the history": ("select * from memdb_migrations", "42501"),
    "read who migrated": ("select * from _yoyo_log", "42501"),
    "write the history": ("delete from _yoyo_migration", "42501"),
    "read files": ("copy memories to '/tmp/memories'", "42501"),
    "add a function that leaks quietly": (
        "create function pg_temp.f(text) returns bool language sql leakproof as 'select true'",
        "42501",
    ),
}
"""Refused with this state, whatever Bob has."""

KNOWN = {
    "an id is taken, by an error": "insert into memories (id, user_id, memory_type, content) "
    "values ('{his}', '{ann}', 'task', 'x')",
    "an id is taken, by a row left out": "insert into memories (id, user_id, memory_type, content) "
    "values ('{his}', '{ann}', 'task', 'x') on conflict do nothing",
    "an id is taken, by a row that may not be changed": "insert into memories (id, user_id, memory_type, content) "
    "values ('{his}', '{ann}', 'task', 'x') on conflict (id) do update set content = memories.content returning id",
    "how many rows in all": "select reltuples from pg_class where oid = 'memories'::regclass",
    "how large the table is": "select pg_relation_size('memories')",
    "about how many rows of a user": "explain select from memories where user_id = '{bob}'",
    "that others are near, from fewer answers of the HNSW index": "set enable_seqscan = off; set enable_sort = off; "
    "set hnsw.ef_search = 40; set hnsw.iterative_scan = off; "
    "select count(*) from (select from memories order by embedding <=> '{near}' limit 10) x",
    "how many rows there are at a time, exactly": "set enable_seqscan = off; set enable_bitmapscan = off; "
    "explain (analyze, timing off, summary off) select from memories where created_at = '2025-02-02'",
    "texts, by bisecting estimates": "explain select from memories where content < 'secret of bob 15'",
    "what the owner's view shows": "select count(*) from seen_by_owner",
    "what the owner's materialized view shows": "select count(*) from kept_by_owner",
    "what a function shows that runs as the owner": "select counted_by_owner()",
    "everything, by saying who one is": "set local memdb.user_id = '{bob}'; select count(*) from memories",
}
"""What PostgreSQL and pgvector do not hide: docs/security.md has each."""
