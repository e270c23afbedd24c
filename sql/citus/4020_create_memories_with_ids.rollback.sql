select set_config('citus.enable_ddl_propagation', 'off', true);

drop function memories_with_ids(uuid, uuid[]);
