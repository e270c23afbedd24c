-- pgvector: the type vector, its distance operators and the HNSW index that later migrations use.
--
-- An extension that is already there is left as it is, whoever created it and in whichever schema.
-- 0.8.0 is the oldest release that memdb supports: it brought iterative index scans, without which a
-- filtered search through an HNSW index silently returns too few rows.
-- formerly: 7baaee6c015fe534499b3ccd98873f73f09575abdcac6c1948f545b5c0991bcb
do $$
declare
    oldest_supported constant text := '0.8.0';
    installed text := (select extversion from pg_extension where extname = 'vector');
begin
    if installed is null then
        if not exists (select from pg_available_extensions where name = 'vector') then
            raise exception 'this server does not offer the extension "vector" (pgvector)'
                using errcode = 'feature_not_supported',
                    hint = 'Install pgvector on the server (Debian: postgresql-NN-pgvector, '
                        'container: pgvector/pgvector), or enable it at your provider; then migrate again.';
        end if;
        -- Hosted databases such as Supabase keep extensions in a schema of that name.
        if 'extensions' = any(current_schemas(false)) then
            create extension vector with schema extensions;
        -- Not in a schema that was made for one copy of the tables: all copies of a database share the extension.
        elsif 'public' = any(current_schemas(false)) then
            create extension vector with schema public;
        else
            create extension vector;
        end if;
        comment on extension vector is
            'Vector similarity search (pgvector). Created by memdb, which drops it on rollback if nothing uses it.';
        installed := (select extversion from pg_extension where extname = 'vector');
    end if;

    if string_to_array(substring(installed from '^[0-9.]*[0-9]'), '.')::int[]
        < string_to_array(oldest_supported, '.')::int[] then
        raise exception 'pgvector % is too old: memdb needs % or newer', installed, oldest_supported
            using errcode = 'feature_not_supported',
                hint = 'Install a newer pgvector on the server, run "alter extension vector update", then migrate again.';
    end if;
end
$$;
