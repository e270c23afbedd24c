-- What memdb.store reads of the set archive. The names of functions and types are put in.
--
-- Times that other programs have set may be infinite, or before Christ: Python has none, and drivers would fail.

-- name: versions
-- What a memory $2 of the user $1 replaced, and what replaced it, oldest first.
select
    v.id,
    v.memory_type::text,
    v.content,
    least(greatest(v.valid_from, '0002-01-01 00:00:00+00'), '9998-12-31 23:59:59.999999+00'),
    case
        when v.valid_to is not null
            then least(greatest(v.valid_to, '0002-01-01 00:00:00+00'), '9998-12-31 23:59:59.999999+00')
    end,
    v.reason,
    v.replaced_by
from {memory_versions}($1, $2::uuid) as v
order by v.valid_from, v.valid_to, v.id;

-- name: archived
-- The archived memories of user $1 that are nearest to the embedding $2, $3 at most, of the tiers $4, not beyond the
-- distance $5, whose metadata contain $6, that were archived for one of the reasons $7, and held at $8.
select
    f.id,
    f.memory_type::text,
    f.content,
    least(greatest(f.valid_from, '0002-01-01 00:00:00+00'), '9998-12-31 23:59:59.999999+00'),
    least(greatest(f.valid_to, '0002-01-01 00:00:00+00'), '9998-12-31 23:59:59.999999+00'),
    f.reason,
    f.replaced_by,
    f.metadata::text,
    f.distance
from
    {search_memory_archive}(
        $1,
        cast(cast($2 as {sent}) as {embedding}),
        $3::integer,
        $4::text[]::{tier}[],
        $5::double precision,
        $6::text::jsonb,
        $7::text[],
        $8::timestamptz
    ) as f
order by f.distance, f.id;
