"""What the migrations say by which another model is switched to and left alone; its names are filled in."""

BRANCH = """\
    select
        s.id,
        s.content,
        s.memory_type,
        s.metadata,
        s.distance
    from
        {function}(
            user_id, embedding{cast}, condition, k, tiers, max_distance, metadata, candidates
        ) as s
"""
KEPT = """\
-- Has questions of the former model answered while both are asked, as until now. It is not begun before the embeddings
-- of {model} are there.
do $$
declare
    missing constant bigint := (
        select count(*)
        from memories as m
        where not exists (select from {table} as e where e.memory_id = m.id)
    );
begin
    if row_security_active('memories'::regclass) and pg_relation_size('memories'::regclass) > 0 then
        raise exception 'memories are hidden from this role, so it is not known how many have no embedding'
            using errcode = 'object_not_in_prerequisite_state',
                hint = 'See what memdb compare-models says as a role with BYPASSRLS. If it covers all memories, take '
                'this check out of the file, and migrate again.';
    end if;

    if missing > 0.01 * (select count(*) from memories) then
        raise exception '% memories have no embedding of the new model yet, and would not be found', missing
            using errcode = 'object_not_in_prerequisite_state',
                hint = 'Make them first, with memdb embed, and compare the models; then migrate again.';
    end if;
end
$$;

{kept};

comment on function {signature} is
'search_memories_where for a question of the former model.';
{callers}"""
CALLERS = """
-- Whoever may call search_memories_where calls it from there, also where new functions are not everybody's.
do $$
declare
    caller text;
begin
    for caller in
        select coalesce(quote_ident(r.rolname), 'public')
        from pg_proc as p
        cross join lateral aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a
        left join pg_roles as r on a.grantee = r.oid
        where
            p.oid = '{search}'::regprocedure and a.privilege_type = 'EXECUTE'
            and not has_function_privilege(coalesce(r.rolname, 'public'), '{former}', 'EXECUTE')
    loop
        execute format('grant execute on function {former} to %s', caller);
    end loop;
end
$$;
"""
KEPT_SAFE = """\
-- Fixes its search_path, as 1013 does that of search_memories_where.
-- alongside: row_security
alter function {signature}
set search_path = '';
"""
SWITCHED = """\
-- Has questions answered by the embeddings of {model}.
--
-- One function is replaced, on which all searches are built. That locks no table, and is taken back as quickly.
{search};
{fixed}
{answers}"""
TAKEN_BACK = """\
-- The former model answers all questions again.
{search};
{fixed}
{answers}"""
RETIRED = """\
-- The former model answers no more questions: only embeddings of {model} are compared.
{search};
{fixed}
{answers}
drop function {former};
"""
SERVING_AGAIN = """\
{kept};

comment on function {former} is
'search_memories_where for a question of the former model.';
{callers}{fixed_former}
{search};
{fixed}
{answers}"""
UNCOMMENTED = """
-- The next migration drops it.
comment on index ix_memories_signature is null;
"""
DROPPED = """\
-- Drops the signatures of the former model, which nobody compares any more.
-- transactional: false
drop index concurrently ix_memories_signature;
"""
FIXED = """\

-- Replacing a function takes its settings off. Where 1010 is applied, it has fixed the search_path of all alike.
do $$
begin
    if exists (
        select
        from pg_proc
        where
            oid = 'memory_signature({type})'::regprocedure
            and 'search_path=""' = any(proconfig)
    ) then
        alter function {signature}
        set search_path = '';
    end if;
end
$$;
"""
